/** What an attacker may know and reach. */
export interface Target {
  url: string;
  /** Another address of this machine, which no other user has. */
  localAddress: string;
  /** Valid sessions that the attacker has begun, within the limits. */
  tokens: string[];
  epoch: string;
  redisPort: number;
  natsPort: number;
}

export type Count = (what: string, by?: number) => void;

export interface Attack {
  /** In one sentence: what one address does. */
  does: string;
  /** Whose port it uses. */
  port: 'http' | 'redis' | 'nats';
  /** What is known to be missing against it: not part of a run unless ABUSE_ATTACKS names it. */
  open?: string;
  /** Resolves once the attack is under way. It ends with its process. */
  start(target: Target, count: Count): Promise<void> | void;
}
