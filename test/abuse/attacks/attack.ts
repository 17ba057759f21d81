/** The knowledge and the reach of an attacker. */
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
  /** The behaviour of the address, as the end of a sentence. */
  does: string;
  /** The server whose port it uses. */
  port: 'http' | 'redis' | 'nats';
  /** Why only a run with ABUSE_ATTACKS includes it: `open`: a defence is missing; `alike`: a similar attack is included. */
  leftOut?: { open: string } | { alike: string };
  /** Resolves once the attack is under way. It ends with its process. */
  start(target: Target, count: Count): Promise<void> | void;
}
