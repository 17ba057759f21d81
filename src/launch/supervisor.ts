import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../process/error-facts.ts';
import { print } from './print.ts';
import { RestartPause } from './restart-pause.ts';
import { ServiceProcess, ServiceSilentError, type ServiceSpec } from './service-process.ts';

/** In first pauses: how often a service is checked for faults. */
const faultCheckFactor = 5;
/** In first pauses: after this time a service that ended several times is reported as back. */
const steadyFactor = 5;

/** A service that is restarted whenever its process ends. */
interface Supervised {
  spec: ServiceSpec;
  process: ServiceProcess;
  isReady: boolean;
  pause: RestartPause;
  isLogMissing: boolean;
}

/** Every server here ends with 0 when it has shut down in order, which it does on request only. */
const firstEndText = (ending: string): string =>
  ending === 'exit code 0' ? 'shut down in order, as after SIGTERM (exit code 0)' : `ended unexpectedly (${ending})`;

/** Starts services stage by stage, keeps them running, and stops them in the reverse order. */
export class Supervisor {
  readonly #stages: Supervised[][] = [];
  readonly #stopping = new AbortController();
  readonly #onChange: (running: { name: string; pid: number }[]) => void;
  readonly #firstPauseMs: number;

  /** `onChange` receives all processes whenever one is started. */
  constructor(firstPauseMs: number, onChange: (running: { name: string; pid: number }[]) => void) {
    this.#firstPauseMs = firstPauseMs;
    this.#onChange = onChange;
  }

  /** Starts the services of a stage in parallel; resolves when all reply, rejects when the first one fails. */
  async start(stage: ServiceSpec[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const services = stage.map((spec) => {
      const process = new ServiceProcess(spec);
      return { spec, process, isReady: false, pause: new RestartPause(this.#firstPauseMs), isLogMissing: false };
    });
    this.#stages.push(services);
    this.#changed();
    await Promise.all(
      services.map(async ({ process }) => {
        if (process.logProblem) throw process.logProblem;
        await process.ready(signal);
      }),
    );
    for (const service of services) {
      this.#isReady(service);
      void this.#keepRunning(service);
      void this.#watchForFaults(service);
      void this.#watchForRefusedShows(service);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const stage of this.#stages.toReversed()) await Promise.all(stage.map(({ process }) => process.stop()));
  }

  pidOf(name: string): number | undefined {
    return this.#running().find((service) => service.name === name)?.pid;
  }

  async #keepRunning(service: Supervised): Promise<void> {
    const { spec } = service;
    for (;;) {
      const ending = await service.process.exited;
      service.isReady = false;
      if (this.#stopping.signal.aborted) return;
      const { pauseMs, ends, isToBePrinted } = service.pause.ended(Date.now());
      if (isToBePrinted) {
        const how = ends === 1 ? firstEndText(ending) : `ended again (${ending}), ${ends} times so far`;
        print(`\n!! ${spec.name} ${how}. Restarting it in ${pauseMs / 1_000} s. Log: ${spec.logFile}`);
      }
      await this.#sleep(pauseMs);
      if (this.#stopping.signal.aborted) return;
      service.process = new ServiceProcess(spec);
      this.#reportLog(service);
      this.#changed();
      void this.#awaitReady(service, ends);
    }
  }

  async #awaitReady(service: Supervised, ends: number): Promise<void> {
    const { spec, process } = service;
    let isReported = false;
    const hasEnded = () => this.#stopping.signal.aborted || service.process !== process || process.hasEnded;
    while (!hasEnded()) {
      try {
        await process.ready(this.#stopping.signal);
        break;
      } catch (error) {
        if (hasEnded()) return;
        if (!isReported) print(`!! ${messageOf(error)}`);
        isReported = true;
        // A service that replies waits for others; a silent one hangs.
        if (error instanceof ServiceSilentError) process.kill();
      }
    }
    if (hasEnded()) return;
    this.#isReady(service);
    if (ends > 1) await this.#sleep(steadyFactor * this.#firstPauseMs);
    if (!hasEnded()) print(`   ${spec.name} is back (pid ${process.pid}).\n`);
  }

  async #watchForFaults(service: Supervised): Promise<void> {
    const { spec } = service;
    if (!spec.fault) return;
    let faults = 0;
    for (;;) {
      await this.#sleep(faultCheckFactor * this.#firstPauseMs);
      if (this.#stopping.signal.aborted) return;
      const { process } = service;
      const fault = service.isReady ? await spec.fault() : undefined;
      faults = fault === undefined ? 0 : faults + 1;
      if (fault === undefined || faults < 2 || this.#stopping.signal.aborted || service.process !== process) continue;
      faults = 0;
      print(`\n!! ${spec.name}: ${fault}. Restarting it.`);
      await process.stop();
    }
  }

  /** Prints each refusal once, and its end. */
  async #watchForRefusedShows({ spec }: Supervised): Promise<void> {
    if (!spec.refusedShows) return;
    let known: Record<string, string> = {};
    await this.#sleep(this.#firstPauseMs); // it checks its shows after its start
    while (!this.#stopping.signal.aborted) {
      const refused = await spec.refusedShows().catch(() => known); // it does not reply
      for (const [show, reason] of Object.entries(refused)) {
        if (known[show] !== reason) print(`!! ${spec.name} does not sell the show ${show}: ${reason}`);
      }
      for (const show of Object.keys(known)) {
        if (!Object.hasOwn(refused, show)) print(`   ${spec.name} sells the show ${show} again.`);
      }
      known = refused;
      await this.#sleep(faultCheckFactor * this.#firstPauseMs);
    }
  }

  #isReady(service: Supervised): void {
    service.isReady = true;
    service.pause.ready(Date.now());
  }

  /** Prints once when a service loses its log, and once when it has one again. */
  #reportLog(service: Supervised): void {
    const { spec, process } = service;
    const isMissing = process.logProblem !== undefined;
    if (isMissing === service.isLogMissing) return;
    service.isLogMissing = isMissing;
    if (isMissing) print(`!! ${spec.name} runs without a log: ${process.logProblem?.message}`);
    else print(`   ${spec.name} has its log again: ${spec.logFile}`);
  }

  #sleep(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
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
