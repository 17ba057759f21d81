import { Reader } from '../clients/reader.ts';
import { closedLoop } from '../http/closed-loop.ts';
import { reportProgress } from '../http/timed-run.ts';
import type { Scenario } from './scenario.ts';

/** Clients read all seats, again and again. */
export const read: Scenario = {
  name: 'read',
  summary: 'GET /api/seats, again and again',
  defaults: {},
  async run(context) {
    const { venue, settings, signal, onProgress } = context;
    const { connections, durationS } = settings;
    await Promise.all([
      closedLoop({ urls: venue.apiUrls, connections, durationS, signal, converse: () => new Reader(context) }),
      reportProgress(durationS, signal, onProgress),
    ]);
    return { figures: {} };
  },
};
