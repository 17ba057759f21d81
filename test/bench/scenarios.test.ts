import { describe, it } from 'vitest';
import { readOptions } from '../../bench/options.ts';
import type { Report } from '../../bench/report/report.ts';
import { checkThresholds } from '../../bench/report/threshold.ts';
import { runScenario } from '../../bench/run-scenario.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { Answer, Decision, KnownPosition, SeatCommand } from '../../src/store/seat-store.ts';
import { report } from './report-fixture.ts';
import { type SmallSystem, startSmallSystem } from './small-system.ts';

/** Runs `npm run load -- <args>` in this process, against the small system. */
async function load(system: SmallSystem, ...args: string[]): Promise<Report> {
  const options = readOptions([...args, '--duration', '2.5']);
  if (!options) throw new Error('--help');
  return runScenario({
    scenario: options.scenario,
    settings: { ...report.settings, ...options.scenario.defaults, connections: 4, ...options.settings },
    venue: await system.venue(options.settings.show),
    machine: report.machine,
    commandLine: args.join(' '),
    signal: new AbortController().signal,
  });
}

const checkedBy = ({ verdict }: Report) =>
  Object.fromEntries(verdict.checks.map(({ name, checked }) => [name, checked]));
const brokenIn = ({ verdict }: Report) => verdict.checks.flatMap(({ name, broken }) => (broken > 0 ? [name] : []));
const seqOf = ({ shows }: SmallSystem, show?: string) => shows.get(show).service.view.position.seq;

/** The control: decides each seat of a command by itself. */
class SeatBySeatStore extends MemorySeatStore {
  override async decide(commands: readonly SeatCommand[], known: KnownPosition): Promise<Decision> {
    const all: Decision = { nowMs: 0, answers: [], events: [] };
    for (const command of commands) {
      const parts: Answer[] = [];
      for (const seatId of command.seatIds) {
        const { nowMs, answers, events } = await super.decide([{ ...command, seatIds: [seatId] }], known);
        parts.push(...answers);
        all.events.push(...events);
        all.nowMs = nowMs;
      }
      const refused = parts.filter(({ refusal }) => refusal !== undefined);
      const code = command.action === 'select' && parts.length > 1 ? 'SEATS_TAKEN' : refused[0]?.refusal;
      all.answers.push({
        seats: parts.flatMap(({ seats }) => seats),
        ...(refused[0] &&
          code && { refusal: code, refused: refused.flatMap(({ seats }) => seats.map(({ id }) => id)) }),
      });
    }
    return all;
  }
}

// Each run has a system of its own, and waits for its last holds to expire.
describe.concurrent('scenarios of groups and shows', () => {
  it('[R580] [R581] groups: overlapping groups are held, extended, booked and released, and audited', async ({
    expect,
    onTestFinished,
  }) => {
    const run = await load(await startSmallSystem(onTestFinished), 'groups');
    expect(brokenIn(run), JSON.stringify(run.verdict.checks)).toEqual([]);
    expect(run.verdict.ok).toBe(true);
    expect(run.latency.map(({ kind }) => kind).sort()).toEqual(['all', 'book', 'extend', 'release', 'select']);
    expect(checkedBy(run).groups).toBeGreaterThan(20);
    expect(run.figures.refused).toBeGreaterThan(0);
    expect(run.errors).toEqual({});
  });

  it('[R581] the audit catches a store that decides groups seat by seat', async ({ expect, onTestFinished }) => {
    const run = await load(await startSmallSystem(onTestFinished, SeatBySeatStore), 'groups');
    expect(run.verdict.ok).toBe(false);
    // Which of them sees it first depends on where the run ends.
    expect(brokenIn(run).filter((check) => ['transitions', 'groups'].includes(check))).not.toEqual([]);
  });

  it('[R585] [R586] groups --best: users ask at once, and the report has the share of those with seats', async ({
    expect,
    onTestFinished,
  }) => {
    const run = await load(await startSmallSystem(onTestFinished), 'groups', '--best', '--connections', '8');
    expect(brokenIn(run), JSON.stringify(run.verdict.checks)).toEqual([]);
    expect(run.verdict.ok).toBe(true);
    expect(checkedBy(run).groups).toBeGreaterThan(10);
    const thresholds = readOptions(['groups', '--best'])?.thresholds ?? [];
    expect(checkThresholds(thresholds, run.figures)).toMatchObject([
      { figure: 'seatedAtFirstReplyPercent', isMet: true },
    ]);
    expect(run.figures.users).toBe(8 * (run.figures.waves ?? 0));
  });

  it.for([['read'], ['contend'], ['journey'], ['groups']] as const)(
    '[R583] %s loads and audits the show of --show',
    async ([name], { expect, onTestFinished }) => {
      const system = await startSmallSystem(onTestFinished);
      const run = await load(system, name, '--show', 'other');
      expect(brokenIn(run), JSON.stringify(run.verdict.checks)).toEqual([]);
      expect(run.verdict.ok).toBe(true);
      expect(run.errors).toEqual({});
      expect(run.figures.answers).toBeGreaterThan(0);
      expect(checkedBy(run).views).toBeGreaterThanOrEqual(300); // one hundred seats: in the log, over HTTP and on a socket
      if (name !== 'read') expect(seqOf(system, 'other')).toBeGreaterThan(0);
      expect(seqOf(system)).toBe(0);
    },
  );

  it('[R583] an unknown show is not loaded', async ({ expect, onTestFinished }) => {
    await expect(load(await startSmallSystem(onTestFinished), 'read', '--show', 'nowhere')).rejects.toThrow(
      /nowhere.*404|404.*nowhere/,
    );
  });
});
