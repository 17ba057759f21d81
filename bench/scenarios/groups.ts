import { plannedSeats } from '../audit/venue-truth.ts';
import { CommandConversation } from '../clients/command-conversation.ts';
import { GroupJourney } from '../clients/group-journey.ts';
import { WantedSeats } from '../clients/wanted-seats.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { reportProgress } from '../http/timed-run.ts';
import { bestWaves, seatedFigure } from './best-waves.ts';
import type { Scenario } from './scenario.ts';

/** Users who want overlapping groups of seats, each all or none. */
export const groups: Scenario = {
  name: 'groups',
  summary: 'hold 2 to 6 seats that others want too, extend (30 %), then book (20 %), release or leave all of them',
  defaults: { rows: 200, cols: 100 },
  best: { defaults: { connections: 500, holdSeconds: 30 }, thresholds: [`${seatedFigure}>=95`] },
  async run(context) {
    const { venue, settings, auditor, newUserId, signal, onProgress } = context;
    const { connections, durationS, isBest } = settings;
    if (isBest) return bestWaves({ ...context, users: connections, durationS });
    const wanted = new WantedSeats(plannedSeats(await auditor.truth.record()), connections);
    const groups = { completed: 0 };
    const converse = () => new CommandConversation(context, new GroupJourney({ newUserId, wanted, groups }));
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      reportProgress(durationS, signal, onProgress),
    ]);
    return { figures: { groupsPerSecond: groups.completed / context.recorder.elapsedS } };
  },
};
