import { FeedHub } from './feed-hub.ts';

/** Shared by all inspector pages of a browser. */
const hub = new FeedHub();

Object.assign(globalThis, {
  onconnect: ({ ports }: MessageEvent) => {
    for (const port of ports) hub.connect(port);
  },
});
