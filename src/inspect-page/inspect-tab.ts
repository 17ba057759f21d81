import type { AnyActor } from 'xstate';
import { chartDefinition } from '../charts/chart-definition.ts';
import { ActorWatch } from '../inspect/actor-watch.ts';
import { connectionProjection } from '../inspect/projection.ts';
import { type TabMessage, tabChannelName, watchEveryMs } from './tab-channel.ts';

/** Shows the connection machine of this tab to the /inspect pages in the same browser, while one of them watches. */
export function inspectTab(actor: AnyActor): void {
  const sessionId = `connection-${Math.random().toString(36).slice(2, 6)}`;
  const channel = new BroadcastChannel(tabChannelName);
  const post = (message: TabMessage) => channel.postMessage(message);
  const watch = new ActorWatch({
    id: sessionId,
    definition: chartDefinition(actor.logic as never),
    snapshot: () => actor.getSnapshot(),
    projection: connectionProjection,
    send: (message) => post({ from: 'tab', message }),
    onError: (error) => console.warn(error),
  });
  let lastWatched: ReturnType<typeof setTimeout> | undefined;
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
    if (data.from !== 'viewer') return;
    if (lastWatched === undefined) watch.start(actor);
    if (lastWatched === undefined || data.isFirst) {
      for (const message of watch.soFar) post({ from: 'tab', message });
    }
    clearTimeout(lastWatched);
    lastWatched = setTimeout(() => {
      watch.stop();
      lastWatched = undefined;
    }, 3 * watchEveryMs);
  };
  addEventListener('pagehide', () => post({ from: 'tab', type: 'gone', sessionId }));
}
