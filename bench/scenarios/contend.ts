import { Rival } from '../clients/rival.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { seatIds } from '../http/seat-command.ts';
import { tellProgress } from '../http/timed-run.ts';
import type { Scenario } from './scenario.ts';

/** Everyone wants the same few seats; whoever has one keeps it until its time is over. */
export const contend: Scenario = {
  name: 'contend',
  summary: 'everyone selects the same --seats (1); 409 is an answer',
  defaults: {},
  async run(context) {
    const { venue, settings, signal, onProgress } = context;
    const { connections, durationS, rows, cols, seats } = settings;
    const wanted = seatIds(rows, cols).slice(0, seats);
    const converse = (connection: number) => new Rival(context, wanted[connection % wanted.length] as string);
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse }),
      tellProgress(durationS, signal, onProgress),
    ]);
    return { figures: {} };
  },
};
