import type { Logger } from 'pino';
import { type Clock, hostClock } from '../process/clock.ts';
import { addressKey } from './address-key.ts';

const windowMs = 60_000;
/** Bounds the log during a flood from many addresses. */
const maxLinesPerWindow = 100;
const maxTextLength = 128;

/** Logs refused requests: the first per reason and address in each minute, and the number of the others. */
export class RefusalLog {
  readonly #logger: Pick<Logger, 'info'>;
  readonly #clock: Clock;
  readonly #logged = new Set<string>();
  #others = 0;
  #timer: unknown;

  constructor(logger: Pick<Logger, 'info'>, clock: Clock = hostClock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** The texts may come from a client, so they are truncated and escaped to printable ASCII. */
  note(reason: string, { ip, ...texts }: { ip: string } & Record<string, string | undefined>): void {
    this.#timer ??= this.#clock.setTimeout(() => this.close(), windowMs);
    const kind = `${reason} ${addressKey(ip)}`;
    if (this.#logged.has(kind) || this.#logged.size >= maxLinesPerWindow) {
      this.#others++;
      return;
    }
    this.#logged.add(kind);
    const fields = Object.entries({ ip, ...texts }).map(([name, text]) => [name, text && loggable(text)]);
    this.#logger.info({ reason, ...Object.fromEntries(fields) }, 'Request refused');
  }

  /** Ends the minute: logs the number of the others. */
  close(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#logged.clear();
    if (this.#others > 0) this.#logger.info({ others: this.#others }, 'Other requests refused in the same minute');
    this.#others = 0;
  }
}

/** Truncates and escapes a client's text to printable ASCII, so that it cannot contain terminal control characters. */
export function loggable(text: string): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const printable = text.slice(0, maxTextLength).replace(/[^\x20-\x7e]/g, escaped);
  return text.length > maxTextLength ? `${printable}…` : printable;
}

/** Drops the query, which may contain anything, including secrets. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '/';
}
