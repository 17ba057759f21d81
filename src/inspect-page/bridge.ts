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

const query = seats.includes('all') || seats.length === 0 ? '' : `?${new URLSearchParams({ seats: seats.join() })}`;
const { inspector_url: inspectorUrl, unknown_seats: unknownSeats } = (await (
  await fetch(`/inspect/settings${query}`)
).json()) as { inspector_url: string; unknown_seats: string[] };
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
  refused: ['refused', 'The server refuses the feed of these seats. Trying again…'],
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
    // The inspector has started or reloaded: it needs everything from the start.
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
    if (!isConnected)
      say('refused', 'Stately Inspector does not reply. Are you offline? The live view works without internet.');
  }, silenceMs);
}

setText(element('inspector-url', HTMLElement), inspectorUrl);
element('seat', HTMLInputElement).value = address.getAll('seat').join(', ');
if (unknownSeats.length > 0) say('refused', `No such seat: ${unknownSeats.join(', ')}`);
else if (seats.length > 0 || address.has('tabs')) begin();
