import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ErrorCode } from '../protocol/errors.ts';
import { addressKey } from './address-key.ts';

const windowMs = 60_000;
/** A flood from many addresses must not fill the log either. */
const maxLinesPerWindow = 100;
const maxTextLength = 128;

/** Logs who is turned away: the first refusal of each code and address in a minute, and how many there were beside. */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #logged = new Set<string>();
  #unlogged = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(code: ErrorCode, { id: reqId, ip, method, url }: FastifyRequest): void {
    this.#timer ??= setTimeout(() => this.#endWindow(), windowMs).unref();
    const kind = `${code} ${addressKey(ip)}`;
    if (this.#logged.has(kind) || this.#logged.size >= maxLinesPerWindow) {
      this.#unlogged++;
      return;
    }
    this.#logged.add(kind);
    this.#logger.info({ reqId, code, ip: loggable(ip), method, path: loggable(pathOf(url)) }, 'Turned away');
  }

  #endWindow(): void {
    this.#timer = undefined;
    this.#logged.clear();
    if (this.#unlogged > 0) this.#logger.info({ unlogged: this.#unlogged }, 'More requests were turned away');
    this.#unlogged = 0;
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
