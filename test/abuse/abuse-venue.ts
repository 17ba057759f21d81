import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Agent, request } from 'undici';
import type { SessionReply } from '../../src/protocol/session.ts';
import type { VenueState } from '../../src/protocol/venue.ts';
import { residentMegabytes } from '../faults/process-memory.ts';
import { freeSettings, Launch, type Settings } from '../integration/launch-fixture.ts';
import { freePort } from '../support/servers.ts';
import type { Target } from './attacks/attacks.ts';

const attackerAddress = '127.0.0.66';
const sessions = 200;
/** More than an edge or the service keeps in memory: older ones are read from Redis. */
const eventsBefore = 1_100;

export interface Usage {
  megabytes: number;
  cpuSeconds: number;
}

/** The whole system as start.sh starts it: two booking processes, two edges, nginx, Redis and NATS with their users. */
export class AbuseVenue {
  readonly url: string;
  readonly #launch: Launch;
  readonly #settings: Settings;

  private constructor(launch: Launch, settings: Settings) {
    this.#launch = launch;
    this.#settings = settings;
    this.url = `http://127.0.0.1:${settings.HTTP_PORT}`;
  }

  /** `project`: another checkout, in place of this one. `hasLog`: the log has many earlier events. */
  static async start(
    options: { env?: NodeJS.ProcessEnv; project?: string; hasLog?: boolean } = {},
  ): Promise<AbuseVenue> {
    const { env = {}, project, hasLog = false } = options;
    const settings = { ...(await freeSettings()), RATE_LIMIT: 'on', ...env } as Settings;
    settings.BOOKING_PORTS += `,${await freePort()}`;
    const launch = new Launch(settings, project ? { script: `exec '${project}/start.sh'` } : {});
    const venue = new AbuseVenue(launch, settings);
    try {
      await launch.isUp();
      if (hasLog) await venue.#fillLog();
      return venue;
    } catch (error) {
      await venue.stop();
      throw error;
    }
  }

  /** The knowledge of an attacker: sessions that it created earlier, and the public addresses. */
  async target(): Promise<Target> {
    const dispatcher = new Agent({ localAddress: attackerAddress });
    const tokens: string[] = [];
    while (tokens.length < sessions) {
      const reply = await request(`${this.url}/api/session`, { method: 'POST', dispatcher });
      const { token } = (await reply.body.json()) as SessionReply;
      if (!token) break; // REQUESTS_PER_SECOND_PER_ADDRESS or SESSIONS_PER_MINUTE_PER_ADDRESS
      tokens.push(token);
    }
    await dispatcher.close();
    const { epoch } = (await (await fetch(`${this.url}/api/venue`)).json()) as VenueState;
    const { url } = this;
    const ports = { redisPort: Number(this.#settings.REDIS_PORT), natsPort: Number(this.#settings.NATS_PORT) };
    return { url, localAddress: attackerAddress, tokens, epoch, ...ports };
  }

  /** By process; nginx's workers and its master count as one. */
  usage(): Record<string, Usage> {
    const usageOf = ([name, pid]: [string, number]) => {
      const pids = [pid, ...childrenOf(pid)];
      const sum = (of: (pid: number) => number) => pids.map(of).reduce((a, b) => a + b);
      return [name, { megabytes: sum(residentMegabytes), cpuSeconds: sum(cpuSeconds) }];
    };
    return Object.fromEntries(Object.entries(this.#launch.pids()).map(usageOf));
  }

  /** Total of all logs, without rotated ones. */
  logBytes(): number {
    const folder = join(this.#settings.DATA_DIR, 'logs');
    return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  }

  stop(): Promise<void> {
    return this.#launch.cleanUp();
  }

  /** By guests at many addresses, so that no limit applies. */
  async #fillLog(): Promise<void> {
    const perGuest = 16;
    const guests = Math.ceil(eventsBefore / perGuest);
    const seats = 50;
    for (let from = 0; from < guests; from += seats) {
      await Promise.all(
        Array.from({ length: Math.min(seats, guests - from) }, (_, i) => this.#churn(from + i, i, perGuest)),
      );
    }
  }

  async #churn(guest: number, seat: number, commands: number): Promise<void> {
    const dispatcher = new Agent({ localAddress: `127.3.${guest}.1` });
    const seat_id = `${'ABCDE'[Math.floor(seat / 10)]}${(seat % 10) + 1}`;
    const body = JSON.stringify({ seat_id, user_id: `guest-${guest}` });
    const headers = { 'content-type': 'application/json' };
    for (let i = 0; i < commands; i++) {
      const path = `/api/seats/${i % 2 ? 'release' : 'select'}`;
      const reply = await request(`${this.url}${path}`, { method: 'POST', headers, body, dispatcher });
      const answer = await reply.body.text();
      if (reply.statusCode !== 200) throw new Error(`${path}: ${reply.statusCode} ${answer}`);
    }
    await dispatcher.close();
  }
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

/** Linux counts in hundredths of a second; the name of the process, in brackets, may contain spaces. */
function cpuSeconds(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ').slice(11, 13) ?? [];
  return (Number(user) + Number(system)) / 100;
}

/** The files of a commit, beside this checkout's packages. start.sh builds them. */
export function projectAt(commit: string): string {
  const folder = resolve('.test-data', 'abuse', commit);
  if (existsSync(folder)) return folder;
  mkdirSync(folder, { recursive: true });
  execFileSync('bash', ['-c', `git archive ${commit} | tar -x -C '${folder}'`]);
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  utimesSync(join(folder, 'package-lock.json'), 0, 0); // start.sh installs packages where this file is newer than they are
  return folder;
}
