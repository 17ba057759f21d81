import { present } from '../../src/process/present.ts';
import { Rival } from '../clients/rival.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { seatIds } from '../http/seat-command.ts';
import { reportProgress } from '../http/timed-run.ts';
import type { Scenario } from './scenario.ts';

/** All users select the same few seats; a hold lasts until it expires. */
export const contend: Scenario = {
  name: 'contend',
  summary: 'everyone selects the same --seats (1); 409 counts as a reply',
  defaults: {},
  async run(context) {
    const { venue, settings, signal, onProgress } = context;
    const { connections, durationS, rows, cols, seats } = settings;
    const wanted = seatIds(rows, cols).slice(0, seats);
    const converse = (connection: number) => new Rival(context, present(wanted[connection % wanted.length], 'a seat'));
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      reportProgress(durationS, signal, onProgress),
    ]);
    return { figures: {} };
  },
};
