import { CommandConversation } from '../clients/command-conversation.ts';
import { Journey } from '../clients/journey.ts';
import { SeatPool } from '../clients/seat-pool.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { reportProgress } from '../http/timed-run.ts';
import type { Scenario } from './scenario.ts';

/** Users who do not compete: each selects a free seat, then books it, releases it, or lets the hold expire. */
export const journey: Scenario = {
  name: 'journey',
  summary: 'select a free seat, then book it (30 %), release it, or let it expire (2 %)',
  defaults: { rows: 200, cols: 100 },
  async run(context) {
    const { venue, settings, auditor, newUserId, signal, onProgress } = context;
    const { connections, durationS } = settings;
    const pool = new SeatPool((await auditor.truth.record()).seats.values(), connections);
    const journeys = { completed: 0 };
    const holdMs = settings.holdSeconds * 1000;
    const converse = () => new CommandConversation(context, new Journey({ newUserId, pool, journeys, holdMs }));
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      reportProgress(durationS, signal, onProgress),
    ]);
    return { figures: { journeysPerSecond: journeys.completed / context.recorder.elapsedS } };
  },
};
