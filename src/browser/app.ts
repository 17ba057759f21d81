import { Announcer } from './announcer.ts';
import { askHttp } from './ask-http.ts';
import { Booking } from './booking.ts';
import { Cart } from './cart.ts';
import { Connection, type ConnectionView } from './connection.ts';
import { type ConnectionPhase, type ConnectionStatus, connectionStatus, sessionStatus } from './connection-status.ts';
import { element, unpackDataBlocks } from './dom.ts';
import { HttpSocket } from './http-socket.ts';
import { type MessageDetails, MessageList, type MessageTone } from './message-list.ts';
import { oncePerFrame } from './once-per-frame.ts';
import { OthersNews } from './others-news.ts';
import { SeatMap } from './seat-map.ts';
import { msUntilNextSecond, ServerClock, secondsLeft } from './server-clock.ts';
import { PageSession } from './session.ts';
import type { ShownHold } from './shown-hold.ts';
import { StatusBar } from './status-bar.ts';
import { watchForSleep } from './watch-for-sleep.ts';
import { cookiesBlockedText, forbiddenText, newUserText, pollingText, unavailableText } from './wording.ts';

/** How long the connection waits for the session. */
const sessionWaitMs = 1_000;

unpackDataBlocks();

const clock = new ServerClock(() => performance.now());
const messages = new MessageList();
const announcer = new Announcer();
const ask: typeof fetch = (...request) => fetch(...request);

let view: ConnectionView = { phase: 'connecting', retryDelayMs: 0, httpStatus: undefined, wasWebSocketLive: false };
let retryAtMs = 0;
let isStarted = false;
/** As whom the line in use was opened. */
let connectedAs: string | undefined;
let wasLive = false;
let isLost = false;
let watching: number | undefined;
let roundTripMs: number | undefined;
let nextTick: ReturnType<typeof setTimeout> | undefined;

const session = new PageSession({
  fetch: ask,
  monotonicMs: () => performance.now(),
  random: Math.random,
  onBegun: startConnection,
  onSession: takeSession,
  onRefused: ({ status }) => {
    if (status === 403) say(forbiddenText(location.origin), 'error', { topic: 'session' });
    startConnection();
    requestRender();
  },
  onCookiesBlocked: () => say(cookiesBlockedText, 'warning', { topic: 'cookies' }),
});

const userId = () => session.userId ?? '';
const sessionRetryS = () => secondsLeft((session.refusal?.retryAtMs ?? 0) - performance.now());

const booking = new Booking({
  userId,
  clock,
  whyNotLive: () => {
    return unavailableText(view.phase, session, { wasLive, retrySeconds: sessionRetryS(), origin: location.origin });
  },
  send: (message) => connection.send(message),
  say,
  onSeatTouched: (seatId, byOthers) => {
    seatMap.touch(seatId, byOthers && isConnected(view.phase));
    const seat = venue.seat(seatId);
    if (byOthers && seat) others.add(seat.status);
    requestRender();
  },
  onSeatChanged: (seatId) => messages.removeAbout(seatId),
  onOffered: (seatId) => seatMap.focus(seatId),
  onWatching: (count) => {
    watching = count;
    requestRender();
  },
  onUserRefused: () => void session.check(),
});
const { venue } = booking;
const others = new OthersNews(
  (text) => announcer.say(text),
  () => venue.counts.available,
);

const connection = new Connection({
  identity: () => ({
    ...(session.userId !== undefined && { user_id: session.userId }),
    ...(session.token !== undefined && { token: session.token }),
  }),
  onSessionOver: () => session.over(),
  jitterSeed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  openSocket: (subprotocol) => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`, subprotocol),
  openHttpSocket: () => new HttpSocket({ fetch: ask, authorization: () => session.authorization, random: Math.random }),
  askHttp: () => askHttp(ask),
  network: window,
  visibility: document,
  watchForSleep,
  position: () => venue.position,
  onReply: (settings, tookMs) => {
    booking.learnSettings(settings, tookMs);
    requestRender();
  },
  onRoundTrip: (ms) => {
    roundTripMs = ms;
    requestRender();
  },
  onMessage: (message) => {
    booking.receive(message);
    requestRender();
  },
  onView: (next) => {
    tellPhase(next);
    view = next;
    retryAtMs = performance.now() + next.retryDelayMs;
    requestRender();
  },
});

const statusBar = new StatusBar(() => {
  connection.retry();
  session.retry();
});
const seatMap = new SeatMap({
  seat: (seatId) => venue.seat(seatId),
  isPending: (seatId) => booking.isPending(seatId),
  onClick: (seatId) => booking.clickSeat(seatId),
  onRelease: (seatId) => booking.release(seatId),
});
const cart = new Cart({
  onBook: (seatIds) => booking.book(...seatIds),
  onRelease: (seatIds) => booking.release(...seatIds),
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

const isConnected = (phase: ConnectionPhase): boolean =>
  phase === 'live' || phase === 'polling' || phase === 'checking';

function tellPhase({ phase: next, wasWebSocketLive }: ConnectionView): void {
  const { phase } = view;
  if (next === 'synchronising') venue.beginCatchUp();
  if ((next === 'live' || next === 'polling') && !isConnected(phase)) {
    venue.endCatchUp();
    if (isLost) say('Connected again.', 'info', { topic: 'connection' });
    // Without a session booking does not work; the status says why.
    if (next === 'polling' && !session.refusal) say(pollingText(wasWebSocketLive), 'warning', { topic: 'line' });
    isLost = false;
    wasLive = true;
    session.serverAnswered();
  }
  if (isConnected(phase) && !isConnected(next)) {
    watching = undefined;
    roundTripMs = undefined;
    // To synchronise at once is a change of lines, not a loss.
    if (next !== 'synchronising') sayLost();
    // After it, so above it: where there is room for one message only, this is the one that matters.
    booking.connectionLost();
  }
  if (phase === 'synchronising' && !isConnected(next) && wasLive && !isLost) sayLost();
  if (next === 'gaveUp') {
    say('The server ended this connection. Use “Reconnect” to try again.', 'error', { topic: 'connection' });
  }
}

function sayLost(): void {
  isLost = true;
  say('The connection is lost. What is shown may be out of date.', 'error', { topic: 'connection' });
}

function shownStatus(): ConnectionStatus {
  const { phase } = view;
  const retrySeconds = secondsLeft(retryAtMs - performance.now());
  const status = connectionStatus(phase, retrySeconds, view);
  if (session.isReady || phase === 'waiting' || phase === 'offline' || phase === 'gaveUp') return status;
  // Without a session one can look, not book.
  if (session.refusal) return sessionStatus(session.refusal, sessionRetryS());
  return connectionStatus('connecting', 0);
}

function render(): void {
  statusBar.renderConnection(shownStatus());
  statusBar.renderLine(watching, roundTripMs);
  const isLive = connection.isLive && session.isReady;
  seatMap.renderLive(isLive);
  const holds = shownHolds();
  if (venue.isKnown) {
    const { holdSeconds, maxHolds, counts } = venue;
    const holdMs = holdSeconds * 1000;
    const bookedIds = booking.bookedSeats.map(({ id }) => id);
    statusBar.renderVenue(venue);
    seatMap.render(venue, userId());
    seatMap.renderTime(holds, holdMs);
    cart.render({ holds, bookedIds, holdMs, maxHolds, isLive, counts });
  }
  tickLater();
}

function shownHolds(): ShownHold[] {
  return booking.holds.map((seat) => ({
    seat,
    remainingMs: clock.msUntil(seat.expires_at ?? 0),
    isBusy: booking.isPending(seat.id),
  }));
}

/** When the first of the shown seconds changes. Not in a frame: a page in the background has none, and warns all the same. */
function tickLater(): void {
  clearTimeout(nextTick);
  const nowMs = performance.now();
  const retriesMs = [retryAtMs - nowMs, (session.refusal?.retryAtMs ?? 0) - nowMs];
  const untilMs = [...shownHolds().map(({ remainingMs }) => remainingMs), ...retriesMs];
  const delayMs = Math.min(...untilMs.map((ms) => msUntilNextSecond(ms) ?? Number.POSITIVE_INFINITY));
  if (Number.isFinite(delayMs)) nextTick = setTimeout(tick, delayMs);
}

function tick(): void {
  booking.warnOfEnds();
  tickLater();
  requestRender();
}

function takeSession(user: string, previous: string | undefined): void {
  statusBar.renderUser(user);
  if (previous !== undefined && previous !== user) {
    say(newUserText, 'warning', { topic: 'session' });
  }
  // A renewed cookie, a token, another user, or a session that came late: the line does not know them yet.
  if (previous !== undefined || session.token !== undefined || connectedAs !== user) connection.identify();
  connectedAs = user;
  requestRender();
}

/** With the session's cookie where it comes in time; without it the seats can be seen. */
function startConnection(): void {
  if (isStarted) return;
  isStarted = true;
  connectedAs = session.userId;
  connection.start();
}

render();
void session.begin();
setTimeout(startConnection, sessionWaitMs);
