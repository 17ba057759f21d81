import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from './open-log.ts';
import { NotReadyError } from './probes.ts';
import { commandAs, type ServiceUser } from './service-user.ts';

const probeIntervalMs = 25;
const readyTimeoutMs = 30_000;
const shownLogLines = 15;
const shownLogBytes = 65_536;

/** How to run one service, and how to know that it does its work. */
export interface ServiceSpec {
  name: string;
  command: readonly [program: string, ...args: string[]];
  env: NodeJS.ProcessEnv;
  /** Absent: the user of the launcher. */
  user?: ServiceUser | undefined;
  /** Where it listens, if that may need a right that its user lacks. */
  ports?: number[];
  logFile: string;
  /** Rejects while the service does not answer. */
  answers: () => Promise<void>;
  /** After SIGTERM it has this long before SIGKILL. */
  stopTimeoutMs: number;
  /** What to try when it does not start. */
  hint: string;
  /** Why it should be started again although it runs. It is, when this is so twice in a row. */
  fault?: () => Promise<string | undefined>;
  /** Removes what the death of the process may leave behind. */
  cleanUp?: readonly [program: string, ...args: string[]];
}

class ServiceDiedError extends Error {
  override name = 'ServiceDiedError';
}

/** It replies, but cannot do its work yet. */
class ServiceNotReadyError extends Error {
  override name = 'ServiceNotReadyError';
}

/** It runs, and does not reply at all. */
export class ServiceSilentError extends Error {
  override name = 'ServiceSilentError';
}

/** Also those that nobody supervises, such as a trial of an engine. */
const living = new Set<ServiceProcess>();

/** At once, and without waiting: the last thing that a process does that started services. */
export function killServices(): void {
  for (const service of living) service.kill();
}

/** One run of a service, in a process group of its own, so that the terminal's Ctrl-C reaches only the launcher. */
export class ServiceProcess {
  readonly spec: ServiceSpec;
  readonly pid: number | undefined;
  /** Resolves with the manner of its end: "exit code 1", "signal SIGKILL". */
  readonly exited: Promise<string>;
  /** Why it runs without a log, if it does. */
  readonly logProblem: Error | undefined;
  readonly #child: ChildProcess | undefined;
  readonly #logStart: number = 0;
  #ending: string | undefined;

  /** Throws nothing: a program that cannot be started has ended. */
  constructor(spec: ServiceSpec) {
    this.spec = spec;
    // The child writes to the file itself: its last words are kept even if the launcher dies first.
    let log: number | undefined;
    try {
      log = openLog(spec.logFile, spec.user);
      this.#logStart = fstatSync(log).size;
    } catch (error) {
      this.logProblem = error as Error;
    }
    const { command, ids } = commandAs(spec.user, spec.command, spec.ports);
    const [program, ...args] = command;
    const output = log ?? 'ignore';
    try {
      this.#child = spawn(program, args, { env: spec.env, ...ids, detached: true, stdio: ['ignore', output, output] });
      this.exited = endOf(this.#child);
    } catch (error) {
      this.exited = Promise.resolve((error as Error).message);
    }
    if (log !== undefined) closeSync(log);
    this.pid = this.#child?.pid;
    living.add(this);
    void this.exited.then((ending) => this.#ended(ending));
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Resolves when the service answers; rejects at once if it dies first, and after a while if it does not answer. */
  async ready(signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      const problem = await this.spec.answers().catch((error: Error) => error);
      signal?.throwIfAborted();
      if (this.#ending !== undefined) throw new ServiceDiedError(this.#report(`ended at start: ${this.#ending}`));
      if (!problem) return;
      if (Date.now() > deadline) {
        const report = this.#report(`did not answer within ${readyTimeoutMs / 1_000} s: ${problem.message}`);
        throw problem instanceof NotReadyError ? new ServiceNotReadyError(report) : new ServiceSilentError(report);
      }
      await Promise.race([sleep(probeIntervalMs), this.exited]);
    }
  }

  /** Resolves when no process of the service is left. */
  async stop(): Promise<void> {
    if (this.#ending === undefined) this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), this.spec.stopTimeoutMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** At once and with its whole group: nginx's workers outlive a killed master and would keep the port. */
  kill(): void {
    if (this.#ending !== undefined) return;
    this.#killGroup();
    this.#cleanUp();
  }

  #ended(ending: string): void {
    this.#ending = ending;
    living.delete(this);
    this.#killGroup();
    this.#cleanUp();
  }

  #killGroup(): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left, as it should be.
    }
  }

  #cleanUp(): void {
    if (!this.spec.cleanUp) return;
    const [program, ...args] = this.spec.cleanUp;
    try {
      execFileSync(program, args, { stdio: 'ignore', timeout: 2_000 });
    } catch {
      // There was nothing to remove.
    }
  }

  #report(whatHappened: string): string {
    const { name, logFile, hint } = this.spec;
    const lines = this.#lastLogLines().map((line) => `  | ${line}\n`);
    return `${name} ${whatHappened}\n${lines.join('')}  Log: ${logFile}\n  ${hint}`;
  }

  #lastLogLines(): string[] {
    try {
      const text = endOfFile(this.spec.logFile, this.#logStart).trimEnd();
      return text.split('\n').slice(-shownLogLines);
    } catch (error) {
      return [`(no log: ${(error as Error).message})`];
    }
  }
}

/** The manner of its end. A child that has no pid never ran. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(error.message);
    });
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
}

function endOfFile(path: string, from: number): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const begin = from > size ? 0 : from; // it was rotated meanwhile
    const start = Math.max(begin, size - shownLogBytes);
    const buffer = Buffer.alloc(Math.max(size - start, 0));
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, start)).toString();
  } finally {
    closeSync(file);
  }
}
