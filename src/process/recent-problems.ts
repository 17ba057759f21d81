import type { DestinationStream } from 'pino';

const maxEntries = 20;
const isProblem = /^\{"level":"(warn|error|fatal)"/;

/** An entry of the log, without the facts beside its message: these may name servers and users. */
export interface Problem {
  /** ISO 8601. */
  time: string;
  level: string;
  msg: string;
}

/** Passes log entries on, and keeps the last ones from `warn` up. */
export class RecentProblems implements DestinationStream {
  readonly #destination: DestinationStream;
  readonly #lines: string[] = [];

  constructor(destination: DestinationStream) {
    this.#destination = destination;
  }

  write(line: string): void {
    this.#destination.write(line);
    if (!isProblem.test(line)) return;
    this.#lines.push(line);
    if (this.#lines.length > maxEntries) this.#lines.shift();
  }

  /** The oldest first. */
  get list(): Problem[] {
    return this.#lines.map((line) => {
      const { time, level, msg = '' } = JSON.parse(line) as Partial<Problem>;
      return { time: String(time), level: String(level), msg: String(msg) };
    });
  }
}
