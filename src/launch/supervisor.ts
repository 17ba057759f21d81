import { setTimeout as sleep } from 'node:timers/promises';
import { print } from './print.ts';
import { ServiceProcess, type ServiceSpec } from './service-process.ts';

const restartDelayMs = 1_000;
const restartLimit = { count: 5, windowMs: 60_000 };

/** A service that is to run, whatever becomes of its processes. */
interface Supervised {
  spec: ServiceSpec;
  process: ServiceProcess;
  restartTimes: number[];
}

/** Starts services stage by stage, keeps them running, and stops them in the reverse order. */
export class Supervisor {
  readonly #stages: Supervised[][] = [];
  readonly #stopping = new AbortController();
  readonly #onChange: (running: { name: string; pid: number }[]) => void;

  /** `onChange` is told of all processes whenever one was started. */
  constructor(onChange: (running: { name: string; pid: number }[]) => void) {
    this.#onChange = onChange;
  }

  /** The services of a stage start side by side; resolves when all of them answer, rejects when the first one fails. */
  async start(stage: ServiceSpec[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const services = stage.map((spec) => ({ spec, process: new ServiceProcess(spec), restartTimes: [] }));
    this.#stages.push(services);
    this.#changed();
    await Promise.all(services.map(({ process }) => process.ready(signal)));
    for (const service of services) void this.#keepRunning(service);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const stage of this.#stages.toReversed()) await Promise.all(stage.map(({ process }) => process.stop()));
  }

  /** At once, and without waiting: also the last thing that a dying launcher does. */
  kill(): void {
    this.#stopping.abort();
    for (const { process } of this.#stages.flat()) process.kill();
  }

  pidOf(name: string): number | undefined {
    return this.#running().find((service) => service.name === name)?.pid;
  }

  async #keepRunning(service: Supervised): Promise<void> {
    const { spec } = service;
    for (;;) {
      const ending = await service.process.exited;
      if (this.#stopping.signal.aborted) return;
      if (this.#failsTooOften(service)) {
        print(`\n!! ${spec.name} ended again (${ending}), the ${restartLimit.count + 1}th time within a minute.`);
        print(`   It is given up; the rest keeps running. Log: ${spec.logFile}\n`);
        return;
      }
      print(`\n!! ${spec.name} ended unexpectedly (${ending}). Restarting it. Log: ${spec.logFile}`);
      await sleep(restartDelayMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      this.#restart(service);
    }
  }

  #restart(service: Supervised): void {
    service.process = new ServiceProcess(service.spec);
    this.#changed();
    const { pid } = service.process;
    service.process
      .ready(this.#stopping.signal)
      .then(() => print(`   ${service.spec.name} is back (pid ${pid}).\n`))
      .catch((error: Error) => {
        if (!this.#stopping.signal.aborted) print(`!! ${error.message}`);
      });
  }

  #failsTooOften(service: Supervised): boolean {
    const now = Date.now();
    service.restartTimes = service.restartTimes.filter((time) => now - time < restartLimit.windowMs);
    service.restartTimes.push(now);
    return service.restartTimes.length > restartLimit.count;
  }

  #running(): { name: string; pid: number }[] {
    return this.#stages
      .flat()
      .flatMap(({ spec, process: { pid } }) => (pid === undefined ? [] : [{ name: spec.name, pid }]));
  }

  #changed(): void {
    this.#onChange(this.#running());
  }
}
