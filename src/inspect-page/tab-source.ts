import type { FeedMessage } from '../inspect/feed.ts';
import { type TabMessage, tabChannelName, watchEveryMs } from './tab-channel.ts';

interface TabSourceOptions {
  onMessage: (message: FeedMessage) => void;
  onGone: (sessionId: string) => void;
}

/** Watches the connection machines of the booking pages that this browser has open with `?inspect`. */
export function watchTabs({ onMessage, onGone }: TabSourceOptions): void {
  const channel = new BroadcastChannel(tabChannelName);
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
    if (data.from !== 'tab') return;
    if ('message' in data) onMessage(data.message);
    else onGone(data.sessionId);
  };
  const watch = (isFirst: boolean) =>
    channel.postMessage({ from: 'viewer', type: 'watch', isFirst } satisfies TabMessage);
  watch(true);
  setInterval(() => watch(false), watchEveryMs);
}
