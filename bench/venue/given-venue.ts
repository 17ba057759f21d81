import { defaultShowId } from '../../src/shows/default-show.ts';
import type { VenueUnderLoad } from './venue-under-load.ts';

export interface GivenVenueOptions {
  url: string;
  edgeUrls: string[];
  redisUrl: string | undefined;
}

/** A running system. Only its processes with `/metrics` are monitored. */
export function givenVenue({ url, edgeUrls, redisUrl }: GivenVenueOptions): VenueUnderLoad {
  const origin = url.replace(/\/+$/, '');
  const edges = edgeUrls.map((each) => each.replace(/^ws/, 'http').replace(/\/+$/, ''));
  return {
    show: defaultShowId,
    apiUrls: [origin],
    edgeUrls: edges.length > 0 ? edges : [origin],
    redisUrl,
    processes: [
      { name: 'api', metricsUrl: `${origin}/metrics` },
      ...edges.map((edge, index) => ({ name: `edge-${index + 1}`, metricsUrl: `${edge}/metrics` })),
    ],
    stop: async () => {},
  };
}
