import { endOfTurn } from './end-of-turn.ts';

/** Time and timers: the host's, or simulated ones. XState takes it as its clock too. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes backwards. */
  nowMs(): number;
  // biome-ignore lint/suspicious/noExplicitAny: as XState declares it
  setTimeout(fn: (...args: any[]) => void, timeoutMs: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Runs what must not throw when all that is there has been taken in; what may wait, after some turns more. */
  endOfTurn(action: () => void, turns?: number): void;
}

export const hostClock: Clock = {
  nowMs: () => performance.now(),
  setTimeout: (fn, timeoutMs) => setTimeout(fn, timeoutMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  endOfTurn,
};
