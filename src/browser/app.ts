import { Announcer } from './announcer.ts';
import { Booking } from './booking.ts';
import { Connection } from './connection.ts';
import type { ConnectionPhase } from './connection-status.ts';
import { element } from './dom.ts';
import { type MessageDetails, MessageList, type MessageTone } from './message-list.ts';
import { oncePerFrame } from './once-per-frame.ts';
import { OthersNews } from './others-news.ts';
import { SeatMap } from './seat-map.ts';
import { SelectionPanel } from './selection-panel.ts';
import { msUntilNextSecond, ServerClock, secondsLeft } from './server-clock.ts';
import { openSession, type PageSession, renewInMs } from './session.ts';
import type { ShownHold } from './shown-hold.ts';
import { StatusBar } from './status-bar.ts';
import { watchForSleep } from './watch-for-sleep.ts';

const clock = new ServerClock(() => performance.now());
const messages = new MessageList();
const announcer = new Announcer();

let session: PageSession | undefined;
let phase: ConnectionPhase = 'connecting';
let retryAtMs = 0;
let wasLive = false;
let watching: number | undefined;
let roundTripMs: number | undefined;
let nextTick: ReturnType<typeof setTimeout> | undefined;

const userId = () => session?.user_id ?? '';

const booking = new Booking({
  userId,
  clock,
  isLive: () => connection.isLive && session !== undefined,
  send: (message) => connection.send(message),
  say,
  onSeatTouched: (seatId, byOthers) => {
    seatMap.touch(seatId, byOthers && phase === 'live');
    const seat = venue.seat(seatId);
    if (byOthers && seat) others.add(seat.status);
    requestRender();
  },
  onOffered: (seatId) => seatMap.focus(seatId),
  onWatching: (count) => {
    watching = count;
    requestRender();
  },
});
const { venue } = booking;
const others = new OthersNews(
  (text) => announcer.say(text),
  () => venue.counts.available,
);

const connection = new Connection({
  token: () => session?.token,
  onSessionOver: beginSession,
  jitterSeed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  openSocket: (subprotocol) => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`, subprotocol),
  network: window,
  watchForSleep,
  position: () => venue.position,
  onRoundTrip: (ms) => {
    roundTripMs = ms;
    requestRender();
  },
  onMessage: (message) => {
    booking.receive(message);
    requestRender();
  },
  onPhase: (next, retryDelayMs) => {
    tellPhase(next);
    phase = next;
    retryAtMs = performance.now() + retryDelayMs;
    requestRender();
  },
});

const statusBar = new StatusBar(() => connection.retry());
const seatMap = new SeatMap({
  userId,
  seat: (seatId) => venue.seat(seatId),
  isPending: (seatId) => booking.isPending(seatId),
  onClick: (seatId) => booking.clickSeat(seatId),
});
const panel = new SelectionPanel({
  onBook: (seatIds) => booking.book(...seatIds),
  onRelease: (seatIds) => booking.release(...seatIds),
  onChoose: (seatId) => booking.clickSeat(seatId),
  onFocusLost: (seatId) => seatMap.focus(seatId),
});
const requestRender = oncePerFrame(render);

element('skip-link', HTMLAnchorElement).addEventListener('click', (event) => {
  event.preventDefault();
  seatMap.focus();
});

function say(text: string, tone: MessageTone, details: MessageDetails = {}): void {
  messages.add(text, tone, details);
  announcer.say(details.offer ? `${text} Button: ${details.offer.label}.` : text, details.urgent);
}

const isConnected = (at: ConnectionPhase): boolean => at === 'live' || at === 'checking';

function tellPhase(next: ConnectionPhase): void {
  if (next === 'synchronising') venue.beginCatchUp();
  if (next === 'live' && !isConnected(phase)) {
    venue.endCatchUp();
    if (wasLive) say('Connected again.', 'info', { topic: 'connection' });
    wasLive = true;
  }
  if (isConnected(phase) && !isConnected(next)) {
    watching = undefined;
    roundTripMs = undefined;
    say('The connection is lost. What is shown may be out of date.', 'error', { topic: 'connection' });
    // After it, so above it: where there is room for one message only, this is the one that matters.
    booking.connectionLost();
  }
  if (next === 'gaveUp') {
    say('The server ended this connection. Use “Reconnect” to try again.', 'error', { topic: 'connection' });
  }
}

function render(): void {
  const untilRetryMs = retryAtMs - performance.now();
  // Without a session one can look, not book.
  const shown = phase === 'live' && !session ? 'connecting' : phase;
  const isLive = shown === 'live';
  statusBar.renderConnection(shown, secondsLeft(untilRetryMs));
  statusBar.renderLine(watching, roundTripMs);
  const holds = shownHolds();
  if (venue.isKnown) {
    const { holdSeconds, maxHolds } = venue;
    const holdMs = holdSeconds * 1000;
    statusBar.renderVenue(venue);
    seatMap.render(venue, isLive, booking.selectedHold?.id);
    seatMap.renderTime(holds, holdMs);
    panel.render({ holds, holdMs, maxHolds, isLive });
  }
  tickLater();
}

function shownHolds(): ShownHold[] {
  const chosenId = booking.selectedHold?.id;
  return booking.holds.map((seat) => ({
    seat,
    remainingMs: clock.msUntil(seat.expires_at ?? 0),
    isBusy: booking.isPending(seat.id),
    isChosen: seat.id === chosenId,
  }));
}

/** When the first of the shown seconds changes. Not in a frame: a page in the background has none, and warns all the same. */
function tickLater(): void {
  clearTimeout(nextTick);
  const untilMs = [...shownHolds().map(({ remainingMs }) => remainingMs), retryAtMs - performance.now()];
  const delayMs = Math.min(...untilMs.map((ms) => msUntilNextSecond(ms) ?? Number.POSITIVE_INFINITY));
  if (Number.isFinite(delayMs)) nextTick = setTimeout(tick, delayMs);
}

function tick(): void {
  booking.warnOfEnds();
  tickLater();
  requestRender();
}

/** Begins a session, or makes the one that there is last longer. */
function beginSession(): void {
  void openSession((...request) => fetch(...request)).then((begun) => {
    // Another user: nothing on this page is theirs.
    if (session && begun.user_id !== session.user_id) location.reload();
    const isNew = session === undefined;
    session = begun;
    statusBar.renderUser(begun.user_id);
    if (isNew) connection.identify();
    requestRender();
    setTimeout(beginSession, renewInMs(begun, Date.now()));
  });
}

render();
connection.start();
beginSession();
