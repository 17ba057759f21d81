import type { ServerResponse } from 'node:http';
import type { Watcher } from './seat-watches.ts';

/** Server-sent events to one page. Disconnects a page that reads too slowly, so that no seat waits; the page can reconnect. */
export class Viewer implements Watcher {
  readonly #response: ServerResponse;
  readonly #maxBufferedBytes: number;

  constructor(response: ServerResponse, maxBufferedBytes: number) {
    this.#response = response;
    this.#maxBufferedBytes = maxBufferedBytes;
    response.on('error', () => {}); // the connection broke during a write: `close` follows
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write('retry: 1000\n\n');
  }

  get isGone(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  send(text: string): void {
    if (this.isGone) return;
    if (this.#response.writableLength + text.length > this.#maxBufferedBytes) this.#response.destroy();
    else this.#response.write(text);
  }

  /** Resolves when the buffer has drained or the viewer is gone. */
  async drained(): Promise<void> {
    if (this.isGone || !this.#response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#response.off('drain', done).off('close', done);
        resolve();
      };
      this.#response.on('drain', done).on('close', done);
    });
  }

  end(): void {
    this.#response.end();
  }
}
