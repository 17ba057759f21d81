import { randomInt } from 'node:crypto';
import { plannedSeats } from '../audit/venue-truth.ts';
import { GroupJourney } from '../clients/group-journey.ts';
import { WantedSeats } from '../clients/wanted-seats.ts';
import { CommandSender } from '../http/command-sender.ts';
import type { Findings, ScenarioContext } from './scenario.ts';

const bestCount = { least: 2, most: 4 };

export const seatedFigure = 'seatedAtFirstReplyPercent';

type BestWavesOptions = Omit<ScenarioContext, 'settings'> & { users: number; durationS: number };

/**
 * All users request the best seats at the same moment; once all have a reply, they extend, book or release their seats,
 * and the next users follow.
 */
export async function bestWaves(options: BestWavesOptions): Promise<Findings> {
  const { venue, auditor, users, durationS, recorder, newUserId, signal, onProgress } = options;
  const wanted = new WantedSeats(plannedSeats(await auditor.truth.record()), users);
  const groups = { completed: 0 };
  const wish = () => ({ seatIds: [], best: { count: randomInt(bestCount.least, bestCount.most + 1) } });
  // The audit waits for the last hold, which may last for minutes in a given show.
  const journey = { newUserId, wish, wanted, groups, leftToExpireShare: 0 };
  const scripts = Array.from({ length: users }, () => new GroupJourney(journey));
  let requests = scripts.map(({ first }) => first);
  const sender = new CommandSender(venue.apiUrls, options, users);
  const seated: number[] = [];
  while (recorder.elapsedS < durationS && !signal.aborted) {
    onProgress(recorder.elapsedS / durationS, `wave ${seated.length + 1}`);
    const askedAtMs = performance.now();
    const answers = await Promise.all(requests.map((request) => sender.send(request, askedAtMs)));
    seated.push(answers.filter((answer) => answer?.kind === 'ok').length);
    requests = await Promise.all(
      scripts.map(async (script, index) => {
        let answer = answers[index];
        for (;;) {
          const request = script.next(answer?.kind ?? 'error', answer?.body ?? '');
          if (request.action === 'select') return request; // of the next user
          answer = await sender.send(request, performance.now());
        }
      }),
    );
  }
  await sender.close();
  return wavesFindings(seated, users);
}

/** `seated`: by wave, how many users got seats at the first reply. */
export function wavesFindings(seated: readonly number[], users: number): Findings {
  const percent = (count: number, of: number) => (100 * count) / Math.max(1, of);
  const total = seated.reduce((sum, count) => sum + count, 0);
  return {
    figures: {
      [seatedFigure]: percent(total, seated.length * users),
      seatedInWorstWavePercent: percent(Math.min(users, ...seated), users),
      waves: seated.length,
      users: seated.length * users,
    },
  };
}
