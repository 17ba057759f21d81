import type { FeedMessage } from '../inspect/feed.ts';

/** Between the pages of one browser: it never leaves it. */
export const tabChannelName = 'concert-booking inspect';

/** `watch`: go on until a while after the last of these; the first of a viewer asks for all. A tab tells of its machine, or that it goes. */
export type TabMessage =
  | { from: 'viewer'; type: 'watch'; isFirst: boolean }
  | { from: 'tab'; message: FeedMessage }
  | { from: 'tab'; type: 'gone'; sessionId: string };

/** A viewer says this often that it is still there. */
export const watchEveryMs = 2_000;
