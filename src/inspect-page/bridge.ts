import { element, setText } from '../browser/dom.ts';
import { type FeedMessage, isForInspector } from '../inspect/feed.ts';
import { inspectPath } from '../inspect/inspect-path.ts';
import type { FeedStatus } from './feed-hub.ts';
import { FeedSource } from './feed-source.ts';
import { fillShowPicker, loadPageShow } from './page-show.ts';
import { watchTabs } from './tab-source.ts';

const silenceMs = 10_000;

const frame = element('inspector', HTMLIFrameElement);
const address = new URLSearchParams(location.search);
const asked = address
  .getAll('seat')
  .flatMap((text) => text.split(/[\s,]+/))
  .map((id) => (id.toLowerCase() === 'all' ? 'all' : id));
const isAll = asked.includes('all');

const show = await loadPageShow(address, asked.filter((id) => id !== 'all').join());
const { inspector_url: inspectorUrl, seats, unknown_seats: unknownSeats, size, most_seats: most } = show.settings;
const allSeats = size > most ? `the ${most.toLocaleString('en')} seats that changed last` : 'all seats';
const isChosen = isAll || seats.length > 0;
const inspectorOrigin = new URL(inspectorUrl).origin;
let isConnected = false;
let isWatchingTabs = false;

const post = (message: FeedMessage) => {
  if (isForInspector(message)) frame.contentWindow?.postMessage(message, inspectorOrigin);
};
const feed = new FeedSource({ onMessage: post, onStatus: (status) => say(...texts[status]) });

const texts: Record<FeedStatus, [state: string, text: string]> = {
  open: ['open', `Showing ${isAll ? [allSeats, ...seats].join(', ') : seats.join(', ')}`],
  connecting: ['connecting', 'Connecting to the seats…'],
  refused: ['refused', 'The server refuses the feed of these seats. Trying again…'],
  paused: ['refused', 'Paused: other inspector pages use all connections. Close one, or bring this one to the front.'],
};

function say(state: string, text: string): void {
  const status = element('status', HTMLElement);
  status.className = `status ${state}`;
  setText(status, show.prefix + text);
}

function begin(): void {
  addEventListener('message', ({ source, origin, data }: MessageEvent<{ type?: unknown } | null>) => {
    if (source !== frame.contentWindow || origin !== inspectorOrigin) return;
    if (data?.type !== '@statelyai.connected') return;
    isConnected = true;
    frame.classList.remove('silent');
    // The inspector has started or reloaded: it needs everything from the start.
    if (isChosen)
      feed.open({ seats: isAll ? ['all', ...seats].join() : seats.join(), show: show.param, node: undefined });
    if (address.has('tabs') && !isWatchingTabs) {
      isWatchingTabs = true;
      watchTabs({ onMessage: post, onGone: () => {} });
      if (!isChosen) say('open', "Showing this browser's tabs");
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

document.title = `${show.prefix}Stately Inspector`;
fillShowPicker(element('show', HTMLSelectElement), show);
element('stately-link', HTMLAnchorElement).href = inspectPath('live', { show: show.param });
setText(element('inspector-url', HTMLElement), inspectorUrl);
element('seat', HTMLInputElement).value = address.getAll('seat').join(', ');
if (unknownSeats.length > 0) say('refused', `No such seat: ${unknownSeats.join(', ')}`);
else if (isChosen || address.has('tabs')) begin();
