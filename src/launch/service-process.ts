import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const probeIntervalMs = 25;
const readyTimeoutMs = 30_000;
const shownLogLines = 15;

/** How to run one service, and how to know that it does its work. */
export interface ServiceSpec {
  name: string;
  command: readonly [program: string, ...args: string[]];
  env: NodeJS.ProcessEnv;
  logFile: string;
  /** Rejects while the service does not answer. */
  answers: () => Promise<void>;
  /** After SIGTERM it has this long before SIGKILL. */
  stopTimeoutMs: number;
  /** What to try when it does not start. */
  hint: string;
  /** Removes what the death of the process may leave behind. */
  cleanUp?: readonly [program: string, ...args: string[]];
}

class ServiceDiedError extends Error {
  override name = 'ServiceDiedError';
}

class ServiceSilentError extends Error {
  override name = 'ServiceSilentError';
}

/** One run of a service, in a process group of its own, so that the terminal's Ctrl-C reaches only the launcher. */
export class ServiceProcess {
  readonly spec: ServiceSpec;
  readonly pid: number | undefined;
  /** Resolves with the manner of its end: "exit code 1", "signal SIGKILL". */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #logStart: number;
  #ending: string | undefined;

  constructor(spec: ServiceSpec) {
    this.spec = spec;
    const [program, ...args] = spec.command;
    mkdirSync(dirname(spec.logFile), { recursive: true });
    // The child writes to the file itself: its last words are kept even if the launcher dies first.
    const log = openSync(spec.logFile, 'a');
    this.#logStart = statSync(spec.logFile).size;
    this.#child = spawn(program, args, { env: spec.env, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.pid = this.#child.pid;
    this.exited = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
    });
    void this.exited.then((ending) => this.#ended(ending));
  }

  /** Resolves when the service answers; rejects at once if it dies first. */
  async ready(signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      const problem = await this.spec.answers().catch((error: Error) => error);
      signal?.throwIfAborted();
      if (this.#ending !== undefined) throw new ServiceDiedError(this.#report(`ended at start: ${this.#ending}`));
      if (!problem) return;
      if (Date.now() > deadline)
        throw new ServiceSilentError(
          this.#report(`did not answer within ${readyTimeoutMs / 1_000} s: ${problem.message}`),
        );
      await Promise.race([sleep(probeIntervalMs), this.exited]);
    }
  }

  /** Resolves when no process of the service is left. */
  async stop(): Promise<void> {
    if (this.#ending === undefined) this.#child.kill('SIGTERM');
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
    const lines = readFileSync(logFile).subarray(this.#logStart).toString().trimEnd().split('\n').slice(-shownLogLines);
    return `${name} ${whatHappened}\n${lines.map((line) => `  | ${line}`).join('\n')}\n  Log: ${logFile}\n  ${hint}`;
  }
}
