import { present } from '../../src/process/present.ts';
import { plannedSeats } from '../audit/venue-truth.ts';
import { CommandConversation } from '../clients/command-conversation.ts';
import { Rival } from '../clients/rival.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { reportProgress } from '../http/timed-run.ts';
import type { Scenario } from './scenario.ts';

/** All users select the same few seats; a hold lasts until it expires. */
export const contend: Scenario = {
  name: 'contend',
  summary: 'everyone selects the same --seats (1); 409 counts as a reply',
  defaults: {},
  async run(context) {
    const { venue, settings, auditor, newUserId, signal, onProgress } = context;
    const { connections, durationS, seats } = settings;
    const wanted = plannedSeats(await auditor.truth.record()).slice(0, seats);
    const converse = (connection: number) => {
      const { id } = present(wanted[connection % wanted.length], 'a seat');
      return new CommandConversation(context, new Rival(newUserId(), id));
    };
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      reportProgress(durationS, signal, onProgress),
    ]);
    return { figures: {} };
  },
};
