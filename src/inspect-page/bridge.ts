import { element, setText } from '../browser/dom.ts';
import { type FeedMessage, isForInspector } from '../inspect/feed.ts';
import type { FeedStatus } from './feed-hub.ts';
import { FeedSource } from './feed-source.ts';
import { watchTabs } from './tab-source.ts';

const silenceMs = 10_000;

const frame = element('inspector', HTMLIFrameElement);
const address = new URLSearchParams(location.search);
const seats = address
  .getAll('seat')
  .flatMap((text) => text.split(/[\s,]+/))
  .filter((id) => id !== '')
  .map((id) => (id.toLowerCase() === 'all' ? 'all' : id.toUpperCase()));

const { inspector_url: inspectorUrl } = (await (await fetch('/inspect/settings')).json()) as { inspector_url: string };
const inspectorOrigin = new URL(inspectorUrl).origin;
let isConnected = false;
let isWatchingTabs = false;

const post = (message: FeedMessage) => {
  if (isForInspector(message)) frame.contentWindow?.postMessage(message, inspectorOrigin);
};
const feed = new FeedSource({ onMessage: post, onStatus: (status) => say(...texts[status]) });

const texts: Record<FeedStatus, [state: string, text: string]> = {
  open: ['open', `Showing ${seats.includes('all') ? 'all seats' : seats.join(', ')}`],
  connecting: ['connecting', 'Connecting to the seats…'],
  refused: ['refused', 'The seats are refused. Is there such a seat? Trying again…'],
  paused: ['refused', 'Paused: other inspector pages use all connections. Close one, or bring this one to the front.'],
};

function say(state: string, text: string): void {
  const status = element('status', HTMLElement);
  status.className = `status ${state}`;
  setText(status, text);
}

function begin(): void {
  addEventListener('message', ({ source, origin, data }: MessageEvent<{ type?: unknown } | null>) => {
    if (source !== frame.contentWindow || origin !== inspectorOrigin) return;
    if (data?.type !== '@statelyai.connected') return;
    isConnected = true;
    frame.classList.remove('silent');
    // The inspector has begun, perhaps anew: it is told everything.
    if (seats.length > 0) feed.open(seats.includes('all') ? 'all' : seats.join(','));
    if (address.has('tabs') && !isWatchingTabs) {
      isWatchingTabs = true;
      watchTabs({ onMessage: post, onGone: () => {} });
      if (seats.length === 0) say('open', "Showing this browser's tabs");
    }
  });
  frame.hidden = false;
  frame.classList.add('silent');
  frame.src = inspectorUrl;
  say('connecting', 'Waiting for Stately Inspector…');
  setTimeout(() => {
    if (!isConnected) say('refused', 'Stately Inspector does not answer. Is there internet? The live view needs none.');
  }, silenceMs);
}

setText(element('inspector-url', HTMLElement), inspectorUrl);
(document.querySelector('input[name=seat]') as HTMLInputElement).value = address.getAll('seat').join(', ');
if (seats.length > 0 || address.has('tabs')) begin();
