import type { Logger } from 'pino';
import { type Clock, hostClock } from '../clock.ts';

const windowMs = 60_000;
/** Reasons are ours, so they are few. What a client writes is cut. */
const maxTextLength = 200;

/** Logs the first refusal of a reason in a minute in full, and the others of that minute as one number at its end. */
export class RefusalLog {
  readonly #logger: Pick<Logger, 'info'>;
  readonly #clock: Clock;
  /** By reason, while its minute lasts: how many were not logged. */
  readonly #minutes = new Map<string, { others: number; timer: unknown }>();

  constructor(logger: Pick<Logger, 'info'>, clock: Clock = hostClock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  note(reason: string, fields: Record<string, string | undefined>): void {
    const minute = this.#minutes.get(reason);
    if (minute) {
      minute.others++;
      return;
    }
    const timer = this.#clock.setTimeout(() => this.#endMinute(reason), windowMs);
    this.#minutes.set(reason, { others: 0, timer });
    const cut = Object.entries(fields).map(([name, value]) => [name, value?.slice(0, maxTextLength)]);
    this.#logger.info({ reason, ...Object.fromEntries(cut) }, 'Turned away');
  }

  /** Logs what is counted so far. */
  close(): void {
    for (const [reason, { timer }] of this.#minutes) {
      this.#clock.clearTimeout(timer);
      this.#endMinute(reason);
    }
  }

  #endMinute(reason: string): void {
    const others = this.#minutes.get(reason)?.others;
    this.#minutes.delete(reason);
    if (others) this.#logger.info({ reason, others }, 'Others were turned away in the same minute');
  }
}
