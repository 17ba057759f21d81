const windowMs = 10_000;
const maxLinesPerWindow = 4;

interface Entry {
  level: 'info' | 'warn';
  fields: Record<string, unknown>;
  text: string;
}

interface Log {
  info(fields: Record<string, unknown>, text: string): void;
  warn(fields: Record<string, unknown>, text: string): void;
}

/**
 * Logs a state when it changes, not while it lasts, and each warning once until a good state follows. If a state keeps
 * changing, only the latest is logged every 10 s.
 */
export class StateLog {
  readonly #log: Log;
  #state: string | undefined;
  readonly #warnings = new Set<string>();
  #unlogged: Entry | undefined;
  #unloggedChanges = 0;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  info(text: string, fields: Record<string, unknown> = {}): void {
    this.#is({ level: 'info', text, fields });
  }

  warn(text: string, fields: Record<string, unknown> = {}): void {
    this.#is({ level: 'warn', text, fields });
  }

  /** A good state that is logged only after a warning. */
  recovered(text: string): void {
    if (this.#warnings.size > 0) this.info(text);
  }

  #is(entry: Entry): void {
    const state = `${entry.text} ${JSON.stringify(entry.fields)}`;
    if (state === this.#state) return;
    this.#state = state;
    if (entry.level === 'info') this.#warnings.clear();
    else if (this.#warnings.has(state)) return;
    else this.#warnings.add(state);
    this.#unlogged = entry;
    this.#unloggedChanges++;
    const nowMs = performance.now();
    if (nowMs - this.#windowStartMs >= windowMs) {
      this.#windowStartMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines < maxLinesPerWindow) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), this.#windowStartMs + windowMs - nowMs).unref();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#unlogged) return;
    const { level, fields, text } = this.#unlogged;
    const changes = this.#unloggedChanges > 1 ? { changes: this.#unloggedChanges } : {};
    this.#unlogged = undefined;
    this.#unloggedChanges = 0;
    this.#lines++;
    this.#log[level]({ ...fields, ...changes }, text);
  }
}
