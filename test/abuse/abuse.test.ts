import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AbuseVenue, projectAt } from './abuse-venue.ts';
import { type AttackName, attacks } from './attacks/attacks.ts';
import { Siege } from './siege.ts';
import { describeRound, harmOf } from './verdict.ts';

// One hostile address, and its effect on ten users at other addresses. The settings: docs/security.md, "One hostile address".

const seconds = Number(process.env.ABUSE_SECONDS ?? 0.8);
/** A commit without the defences: each attack must do harm there. */
const controlCommit = process.env.ABUSE_CONTROL;
const rounds = 8;
const timeout = 120_000 + 2 * rounds * seconds * 1_000;
const names = Object.keys(attacks) as AttackName[];
const wanted =
  process.env.ABUSE_ATTACKS === 'all'
    ? names
    : ((process.env.ABUSE_ATTACKS?.split(',') as AttackName[] | undefined) ??
      names.filter((name) => !attacks[name].leftOut));

/** The harm that all rounds do; a harmless round ends them. The baseline without the attack is measured only if others seem affected. */
async function harmBy(siege: Siege, name: AttackName, setting: string): Promise<string[]> {
  for await (const round of siege.attack(name, seconds)) {
    print(setting, name, describeRound(round));
    if (harmOf(round).size === 0) return [];
    break;
  }
  const before = await siege.withoutAttack(name, seconds);
  let lasting: Map<string, string> | undefined;
  let seen = 0;
  for await (const round of siege.attack(name, seconds)) {
    print(setting, name, describeRound(round, before));
    const harm = harmOf(round, before);
    lasting = new Map([...harm].filter(([what]) => !lasting || lasting.has(what)));
    if (lasting.size === 0 || ++seen === rounds) break;
  }
  return describeHarm(lasting ?? new Map());
}

/** For a control: the harm of the first round that does any. A warm machine may absorb the flood in the next round. */
async function harmOfOneRound(siege: Siege, name: AttackName): Promise<string[]> {
  let seen = 0;
  for await (const round of siege.attack(name, 3 * seconds)) {
    print('limits off', name, describeRound(round));
    const harm = describeHarm(harmOf(round));
    if (harm.length > 0 || ++seen === 2 * rounds) return harm;
  }
  return [];
}

const print = (setting: string, name: AttackName, figures: string) =>
  process.stdout.write(`abuse, ${setting}, ${name}: ${figures}\n`);

const describeHarm = (harm: Map<string, string>): string[] => [...harm].map(([what, how]) => `${what}: ${how}`);

function withSiege(options: Parameters<typeof AbuseVenue.start>[0]): () => Siege {
  let venue: AbuseVenue | undefined;
  let siege: Siege;
  beforeAll(async () => {
    venue = await AbuseVenue.start(options);
    siege = await Siege.of(venue);
  }, timeout);
  afterAll(async () => {
    await siege?.end();
    await venue?.stop();
  });
  return () => siege;
}

const cases = wanted.map((name) => ({ name, does: attacks[name].does }));

if (controlCommit) {
  describe(`[R372] the control: at ${controlCommit} others are affected by an address that`, () => {
    const siege = withSiege({ project: projectAt(controlCommit), hasLog: true });
    test.each(cases)('$does ($name)', { timeout }, async ({ name }) => {
      expect(await harmBy(siege(), name, controlCommit)).not.toEqual([]);
    });
  });
} else {
  describe('[R370] [R371] [G9] [G10] no other user is affected by an address that', () => {
    const siege = withSiege({ hasLog: true });
    test.each(cases)('$does ($name)', { timeout }, async ({ name }) => {
      expect(await harmBy(siege(), name, 'limits on')).toEqual([]);
    });
  });

  describe('[R372] the control: with RATE_LIMIT=off others are affected by an address that', () => {
    const siege = withSiege({ env: { RATE_LIMIT: 'off' } });
    const name = 'junk messages';
    test(attacks[name].does, { timeout }, async () => {
      expect(await harmOfOneRound(siege(), name)).not.toEqual([]);
    });
  });
}
