import { SimulatedClock } from 'xstate';
import type { Clock } from '../../src/process/clock.ts';

/** XState's simulated clock with a current time: it stands still until `increment`. */
export class VirtualClock extends SimulatedClock implements Clock {
  nowMs(): number {
    return this.now();
  }

  endOfTurn = (action: () => void): void => action();
}
