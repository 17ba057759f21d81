import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { AbuseVenue, Usage } from './abuse-venue.ts';
import { type AttackName, attacks, type Target } from './attacks/attacks.ts';
import { type Sample, type SampleKind, sampleKinds } from './samples.ts';
import { buildProcesses, startThread, TestProcess } from './test-process.ts';

const users = 10;
/** The queues that an attack has filled must empty within this time, or count against the next one. */
const calmTimeoutMs = 15_000;
const calmMs = 300;
/** Time until a limit per second has counted the attack. */
const leadInMs = 500;

export interface Measured {
  seconds: number;
  /** In milliseconds. */
  p99: Record<SampleKind, number>;
  failures: string[];
  /** Of all processes of the system together. */
  cores: number;
}

/** One window of an attack; growth is that since its start. */
export interface Round {
  during: Measured;
  /** The results of the attacker's requests so far. */
  outcome: Record<string, number>;
  logBytesPerSecond: number;
  /** By process. */
  grownMegabytes: Record<string, number>;
  /** Messages on the subjects of seats that are no events of seats. */
  forgedEvents: number;
}

/** A system, ten users of it, newcomers and a developer, and an attacker during attacks. */
export class Siege {
  readonly #venue: AbuseVenue;
  readonly #target: Target;
  readonly #bystanders: TestProcess;
  readonly #sink: TestProcess;
  readonly #sinkUrl: string;
  readonly #nats: NatsConnection;
  #forgedEvents = 0;

  private constructor(parts: {
    venue: AbuseVenue;
    target: Target;
    bystanders: TestProcess;
    sink: TestProcess;
    sinkUrl: string;
    nats: NatsConnection;
  }) {
    this.#venue = parts.venue;
    this.#target = parts.target;
    this.#bystanders = parts.bystanders;
    this.#sink = parts.sink;
    this.#sinkUrl = parts.sinkUrl;
    this.#nats = parts.nats;
    this.#nats.subscribe('seats.>', {
      callback: (_, message) => {
        if (!message.string().includes('"seat_id":')) this.#forgedEvents++;
      },
    });
  }

  static async of(venue: AbuseVenue): Promise<Siege> {
    const [target] = await Promise.all([venue.target(), buildProcesses()]);
    const sink = TestProcess.start('sink');
    const bystanders = TestProcess.start('bystanders', [venue.url, String(users)]);
    const nats = await connect({ servers: `127.0.0.1:${target.natsPort}` });
    const [sinkUrl] = await Promise.all([sink.message<string>(), bystanders.message()]);
    return new Siege({ venue, target, bystanders, sink, sinkUrl, nats });
  }

  /** With the attacker's load at a sink: the cost of the load itself for processes on the same cores. */
  async withoutAttack(name: AttackName, seconds: number): Promise<Measured> {
    await this.#calm();
    // The viewers' attacks have no sink: they cost their sender nothing.
    const isHttp = attacks[name].port === 'http';
    const atSink = isHttp
      ? startThread('attacker', { name, target: { ...this.#target, url: this.#sinkUrl } })
      : undefined;
    if (atSink) await once(atSink, 'message');
    const measured = await this.#measure(seconds);
    await atSink?.terminate();
    return measured;
  }

  /** Windows of one attack, which continues until the caller stops reading them. */
  async *attack(name: AttackName, seconds: number): AsyncGenerator<Round> {
    await this.#calm();
    const logBytes = this.#venue.logBytes();
    const usage = this.#venue.usage();
    this.#forgedEvents = 0;
    const startMs = performance.now();
    const attacker = startThread('attacker', { name, target: this.#target });
    try {
      await once(attacker, 'message');
      await delay(leadInMs);
      for (;;) {
        const during = await this.#measure(seconds);
        attacker.postMessage('outcome');
        const [outcome] = (await once(attacker, 'message')) as [Record<string, number>];
        const passedSeconds = (performance.now() - startMs) / 1_000;
        yield {
          during,
          outcome,
          logBytesPerSecond: (this.#venue.logBytes() - logBytes) / passedSeconds,
          grownMegabytes: grown(usage, this.#venue.usage()),
          forgedEvents: this.#forgedEvents,
        };
      }
    } finally {
      await attacker.terminate();
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.#bystanders.stop(), this.#sink.stop(), this.#nats.close()]);
  }

  async #measure(seconds: number): Promise<Measured> {
    await this.#bystanders.ask('what was before does not count');
    const cpuSeconds = this.#cpuSeconds();
    const startMs = performance.now();
    await delay(seconds * 1_000);
    const passedS = (performance.now() - startMs) / 1_000;
    const cores = (this.#cpuSeconds() - cpuSeconds) / passedS;
    const samples = await this.#bystanders.ask<Sample[]>('samples');
    return {
      seconds: (performance.now() - startMs) / 1_000,
      p99: p99s(samples),
      failures: samples.flatMap(({ failure }) => failure ?? []),
      cores,
    };
  }

  #cpuSeconds(): number {
    return Object.values(this.#venue.usage()).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }

  /** Waits until the users are served again; `ask` returns when all their measurements have ended. */
  async #calm(): Promise<void> {
    const deadlineMs = performance.now() + calmTimeoutMs;
    let samples: Sample[];
    do {
      await this.#bystanders.ask('what was before does not count');
      await delay(calmMs);
      samples = await this.#bystanders.ask<Sample[]>('samples');
    } while (samples.some(({ failure }) => failure) && performance.now() < deadlineMs);
  }
}

function grown(before: Record<string, Usage>, after: Record<string, Usage>): Record<string, number> {
  const growth = Object.entries(after).map(([name, { megabytes }]) => [
    name,
    megabytes - (before[name]?.megabytes ?? 0),
  ]);
  return Object.fromEntries(growth);
}

function p99s(samples: Sample[]): Record<SampleKind, number> {
  const p99 = (wanted: SampleKind) => {
    const latencies = samples.filter(({ kind }) => kind === wanted).map(({ latencyMs }) => latencyMs);
    return latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0;
  };
  return Object.fromEntries(sampleKinds.map((kind) => [kind, p99(kind)])) as Record<SampleKind, number>;
}
