import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorOf, messageOf } from '../process/error-facts.ts';
import { openLog } from './open-log.ts';
import { NotReadyError } from './probes.ts';
import { commandAs, type ServiceUser } from './service-user.ts';

const probeIntervalMs = 25;
const readyTimeoutMs = 30_000;
const shownLogLines = 15;
const shownLogBytes = 65_536;

/** How to run one service and how to check it. */
export interface ServiceSpec {
  name: string;
  command: readonly [program: string, ...args: string[]];
  env: NodeJS.ProcessEnv;
  /** Absent: the user of the launcher. */
  user?: ServiceUser | undefined;
  /** Ports that may need a right that its user lacks. */
  ports?: number[];
  logFile: string;
  /** Rejects while the service does not reply. */
  answers: () => Promise<void>;
  /** Ends it in good order; SIGTERM by default. */
  stopSignal?: NodeJS.Signals;
  /** Time between that and SIGKILL. */
  stopTimeoutMs: number;
  /** Advice for the case that it does not start. */
  hint: string;
  /** Reports a fault of a running service. Two faults in a row cause a restart. */
  fault?: () => Promise<string | undefined>;
  /** The shows that it must not sell, with the reasons. Rejects while it does not reply. */
  refusedShows?: () => Promise<Record<string, string>>;
  /** Removes leftovers of a dead process. */
  cleanUp?: readonly [program: string, ...args: string[]];
}

class ServiceDiedError extends Error {
  override name = 'ServiceDiedError';
}

/** The service replies but cannot do its work yet. */
class ServiceNotReadyError extends Error {
  override name = 'ServiceNotReadyError';
}

/** The service runs but does not reply. */
export class ServiceSilentError extends Error {
  override name = 'ServiceSilentError';
}

/** Includes unsupervised ones, such as the trial of a Docker engine. */
const living = new Set<ServiceProcess>();

/** Kills all services synchronously; the last step of a process that started services. */
export function killServices(): void {
  for (const service of living) service.kill();
}

/** One run of a service, in its own process group, so that the terminal's Ctrl-C reaches only the launcher. */
export class ServiceProcess {
  readonly spec: ServiceSpec;
  readonly pid: number | undefined;
  /** Resolves with "exit code 1", "signal SIGKILL" etc. */
  readonly exited: Promise<string>;
  /** Set if it runs without a log. */
  readonly logProblem: Error | undefined;
  readonly #child: ChildProcess | undefined;
  readonly #logStart: number = 0;
  #ending: string | undefined;

  /** Does not throw: a program that cannot be started counts as ended. */
  constructor(spec: ServiceSpec) {
    this.spec = spec;
    // The child writes to the file itself, so its output is complete even if the launcher dies first.
    let log: number | undefined;
    try {
      log = openLog(spec.logFile, spec.user);
      this.#logStart = fstatSync(log).size;
    } catch (error) {
      this.logProblem = errorOf(error);
    }
    const { command, ids } = commandAs(spec.user, spec.command, spec.ports);
    const [program, ...args] = command;
    const output = log ?? 'ignore';
    try {
      this.#child = spawn(program, args, { env: spec.env, ...ids, detached: true, stdio: ['ignore', output, output] });
      this.exited = endOf(this.#child);
    } catch (error) {
      this.exited = Promise.resolve(messageOf(error));
    }
    if (log !== undefined) closeSync(log);
    this.pid = this.#child?.pid;
    living.add(this);
    void this.exited.then((ending) => this.#ended(ending));
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Resolves when the service replies; rejects immediately if it dies first, and after a time-out if it does not reply. */
  async ready(signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      const problem = await this.spec.answers().catch((error: Error) => error);
      signal?.throwIfAborted();
      if (this.#ending !== undefined) throw new ServiceDiedError(this.#report(`ended at start: ${this.#ending}`));
      if (!problem) return;
      if (Date.now() > deadline) {
        const report = this.#report(`did not reply within ${readyTimeoutMs / 1_000} s: ${problem.message}`);
        throw problem instanceof NotReadyError ? new ServiceNotReadyError(report) : new ServiceSilentError(report);
      }
      await Promise.race([sleep(probeIntervalMs), this.exited]);
    }
  }

  /** For a program that does one thing: resolves when it has ended without an error, rejects otherwise. */
  async finished(signal: AbortSignal): Promise<void> {
    const kill = () => this.kill();
    signal.addEventListener('abort', kill);
    const ending = await this.exited;
    signal.removeEventListener('abort', kill);
    signal.throwIfAborted();
    if (ending !== 'exit code 0') throw new ServiceDiedError(this.#report(`failed: ${ending}`));
  }

  /** Resolves when no process of the service is left. */
  async stop(): Promise<void> {
    if (this.#ending === undefined) this.#child?.kill(this.spec.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => this.kill(), this.spec.stopTimeoutMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Kills the whole process group: nginx's workers outlive a killed master and would keep the port. */
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
      // The group has no process left.
    }
  }

  #cleanUp(): void {
    if (!this.spec.cleanUp) return;
    const [program, ...args] = this.spec.cleanUp;
    try {
      execFileSync(program, args, { stdio: 'ignore', timeout: 2_000 });
    } catch {
      // Nothing to remove.
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
      return [`(no log: ${messageOf(error)})`];
    }
  }
}

/** Describes how the child ended. A child without a pid never ran. */
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
    const begin = from > size ? 0 : from; // it was rotated in between
    const start = Math.max(begin, size - shownLogBytes);
    const buffer = Buffer.alloc(Math.max(size - start, 0));
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, start)).toString();
  } finally {
    closeSync(file);
  }
}
