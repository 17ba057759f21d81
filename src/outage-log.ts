import type { Logger } from 'pino';

/** Logs each distinct cause of an outage once, and its end once, however long it lasts and however often it is noticed. */
export class OutageLog {
  readonly #logger: Logger;
  readonly #texts: { failed: string; recovered: string };
  readonly #causes = new Set<string>();

  constructor(logger: Logger, texts: { failed: string; recovered: string }) {
    this.#logger = logger;
    this.#texts = texts;
  }

  failed(cause: string): void {
    if (this.#causes.has(cause)) return;
    this.#causes.add(cause);
    this.#logger.warn({ error: cause }, this.#texts.failed);
  }

  recovered(): void {
    if (this.#causes.size === 0) return;
    this.#causes.clear();
    this.#logger.info(this.#texts.recovered);
  }
}
