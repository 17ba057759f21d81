import { defaultShowId } from '../../src/shows/default-show.ts';

/** The show that is loaded and audited. */
export interface ShowUnderLoad {
  id: string;
  /** The start of the paths of its seats, venue and events. */
  apiPath: string;
  /** The start of its keys in Redis. */
  keyPrefix: string;
}

/** `defaultId`: of the system. Its default show has routes and keys without a name, which older commits have too. */
export const showUnderLoad = (id: string = defaultShowId, defaultId: string = defaultShowId): ShowUnderLoad =>
  id === defaultId
    ? { id, apiPath: '/api', keyPrefix: '' }
    : { id, apiPath: `/api/shows/${id}`, keyPrefix: `{${id}}:` };
