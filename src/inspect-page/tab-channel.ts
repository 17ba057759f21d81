import type { FeedMessage } from '../inspect/feed.ts';

/** Connects the pages of one browser; no data leaves the browser. */
export const tabChannelName = 'concert-booking inspect';

/** A tab sends messages until some time after the last `watch`; the first `watch` of a viewer requests all. `gone`: the tab closes. */
export type TabMessage =
  | { from: 'viewer'; type: 'watch'; isFirst: boolean }
  | { from: 'tab'; message: FeedMessage }
  | { from: 'tab'; type: 'gone'; sessionId: string };

/** Interval of a viewer's `watch` messages. */
export const watchEveryMs = 2_000;
