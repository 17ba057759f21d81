import { type ChildProcess, fork } from 'node:child_process';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';

const outdir = resolve('.test-data', 'abuse', 'processes');
const builtFile = (name: string): string => join(outdir, `${name}.mjs`);

/** The programs that `TestProcess` and `startThread` start. */
export async function buildProcesses(): Promise<void> {
  await build({
    entryPoints: ['attacker', 'bystanders', 'sink'].map((name) => `test/abuse/${name}.ts`),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
}

/** A thread starts much faster than a process, and ends with all its sockets and timers. */
export const startThread = (name: 'attacker', workerData: unknown): Worker =>
  new Worker(builtFile(name), { workerData });

/** `test/abuse/<name>.ts` as a process of its own, with messages in both directions. */
export class TestProcess {
  readonly #name: string;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
  }

  static start(name: 'bystanders' | 'sink', args: string[] = []): TestProcess {
    return new TestProcess(name, fork(builtFile(name), args));
  }

  /** The next message of the process. */
  message<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`${this.#name} ended with ${code}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (message) => {
        this.#child.off('exit', onExit);
        resolve(message as T);
      });
    });
  }

  ask<T>(question: string): Promise<T> {
    const reply = this.message<T>();
    this.#child.send(question);
    return reply;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
