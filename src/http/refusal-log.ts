import type { Logger } from 'pino';
import { type Clock, hostClock } from '../process/clock.ts';
import { addressKey } from './address-key.ts';

const windowMs = 60_000;
/** A flood from many addresses must not fill the log either. */
const maxLinesPerWindow = 100;
const maxTextLength = 128;

/** Logs refused requests: the first of each reason and address in a minute, and the number of the others. */
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

  /** The texts may come from a client: they are cut, and written in printable ASCII. */
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

/** A bounded part of what a client wrote, in printable ASCII: a terminal acts on no character of it. */
export function loggable(text: string): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const printable = text.slice(0, maxTextLength).replace(/[^\x20-\x7e]/g, escaped);
  return text.length > maxTextLength ? `${printable}…` : printable;
}

/** Without the query, in which a client may have put anything. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '/';
}
