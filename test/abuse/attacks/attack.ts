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
  /** Why only a run with ABUSE_ATTACKS includes it: for what is `open` a defence is missing, `alike` is another attack that stays in. */
  leftOut?: { open: string } | { alike: string };
  /** Resolves once the attack is under way. It ends with its process. */
  start(target: Target, count: Count): Promise<void> | void;
}
