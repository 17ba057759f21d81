import { ConfigError } from '../process/config-error.ts';
import { defaultShow } from '../shows/default-show.ts';
import { readShow, showFilesIn } from '../shows/read-shows.ts';
import type { Show } from '../shows/show.ts';
import type { VenueSettings } from './venue-settings.ts';

/** The default show, then those of the folder ('': none), in the order of their ids. Throws a ConfigError. */
export function configuredShows(venue: VenueSettings, folder: string): Show[] {
  const own = folder === '' ? [] : showFilesIn(folder).map(readShow);
  const clash = own.find(({ id }) => id === venue.name);
  if (clash)
    throw new ConfigError(`${folder}/${clash.id}.json: the default show has this id (VENUE). Rename one of them`);
  return [defaultShow(venue, venue.name), ...own];
}
