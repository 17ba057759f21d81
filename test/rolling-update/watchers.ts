import type { UserAction } from '../../src/protocol/commands.ts';
import type { Booker, Reply } from '../faults/booker.ts';
import { until } from '../faults/time.ts';
import type { MachineShare } from './machine-share.ts';
import { Watcher } from './watcher.ts';

/** nginx leads all clients of a network to one edge. */
const networks = 50;

/** All sockets of a run. Their users send each command over the next live one. */
export class Watchers {
  readonly all: readonly Watcher[];
  #turn = 0;

  /** `count` sockets to an nginx on this machine. */
  constructor({ url, count, share }: { url: string; count: number; share: MachineShare }) {
    this.all = Array.from(
      { length: count },
      (_, i) => new Watcher({ url, localAddress: `127.0.${1 + (i % networks)}.1`, share }),
    );
  }

  get areLive(): boolean {
    return this.all.every(({ isLive }) => isLive);
  }

  get longestOutageMs(): number {
    return Math.max(...this.all.map(({ outageMs }) => outageMs));
  }

  get longestOutageWallMs(): number {
    return Math.max(...this.all.map(({ longestOutageWallMs }) => longestOutageWallMs));
  }

  /** How often sockets were closed, by code. */
  get closes(): Record<number, number> {
    const sum: Record<number, number> = {};
    for (const { closes } of this.all) for (const [code, times] of closes) sum[code] = (sum[code] ?? 0) + times;
    return sum;
  }

  userOf(userId: string): Booker {
    return { userId, ask: (action, seatId) => this.#ask(action, seatId, userId) };
  }

  close(): void {
    for (const watcher of this.all) watcher.close();
  }

  async #ask(action: UserAction, seatId: string, userId: string): Promise<Reply> {
    await until('a socket is live', () => this.all.some(({ isLive }) => isLive));
    for (;;) {
      const watcher = this.all[this.#turn++ % this.all.length] as Watcher;
      if (watcher.isLive) return watcher.ask(action, seatId, userId);
    }
  }
}
