import type { VenueState } from '../../src/protocol/venue.ts';
import { getJson } from '../audit/http-truth.ts';
import { showUnderLoad } from './show-under-load.ts';
import type { VenueUnderLoad } from './venue-under-load.ts';

export interface GivenVenueOptions {
  url: string;
  edgeUrls: string[];
  redisUrl: string | undefined;
  databaseUrl?: string | undefined;
  /** Id; undefined: the default show. */
  show: string | undefined;
}

/** A running system. Only its processes with `/metrics` are monitored. */
export async function givenVenue({
  url,
  edgeUrls,
  redisUrl,
  databaseUrl,
  show,
}: GivenVenueOptions): Promise<VenueUnderLoad> {
  const origin = url.replace(/\/+$/, '');
  const edges = edgeUrls.map((each) => each.replace(/^ws/, 'http').replace(/\/+$/, ''));
  const { venue: defaultId } = await getJson<VenueState>(`${origin}/api/venue`);
  return {
    show: showUnderLoad(show ?? defaultId, defaultId),
    apiUrls: [origin],
    edgeUrls: edges.length > 0 ? edges : [origin],
    redisUrl,
    databaseUrl,
    processes: [
      { name: 'api', metricsUrl: `${origin}/metrics` },
      ...edges.map((edge, index) => ({ name: `edge-${index + 1}`, metricsUrl: `${edge}/metrics` })),
    ],
    stop: async () => {},
  };
}
