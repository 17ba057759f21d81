import { Booking } from './booking.ts';
import { Connection } from './connection.ts';
import type { ConnectionPhase } from './connection-status.ts';
import { MessageList } from './message-list.ts';
import { oncePerFrame } from './once-per-frame.ts';
import { SeatMap } from './seat-map.ts';
import { SelectionPanel } from './selection-panel.ts';
import { msUntilNextSecond, ServerClock, secondsLeft } from './server-clock.ts';
import { StatusBar } from './status-bar.ts';
import { loadUserId } from './user-id.ts';
import { watchForSleep } from './watch-for-sleep.ts';

const userId = loadUserId(() => localStorage);
const clock = new ServerClock(() => performance.now());
const messages = new MessageList();

let phase: ConnectionPhase = 'connecting';
let retryAtMs = 0;
let wasLive = false;
let nextTick: ReturnType<typeof setTimeout> | undefined;

const booking = new Booking({
  userId,
  clock,
  isLive: () => connection.isLive,
  send: (message) => connection.send(message),
  say: (text, tone) => messages.add(text, tone),
  onSeatTouched: (seatId) => {
    seatMap.touch(seatId);
    requestRender();
  },
});
const { venue } = booking;

const connection = new Connection({
  userId,
  jitterSeed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  openSocket: (subprotocol) => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`, subprotocol),
  network: window,
  watchForSleep,
  position: () => venue.position,
  onRoundTrip: () => {},
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

const statusBar = new StatusBar(userId, () => connection.retry());
const seatMap = new SeatMap({
  userId,
  seat: (seatId) => venue.seat(seatId),
  isPending: (seatId) => booking.isPending(seatId),
  onClick: (seatId) => booking.clickSeat(seatId),
});
const panel = new SelectionPanel({
  onBook: (seatId) => booking.book(seatId),
  onRelease: (seatId) => booking.release(seatId),
  onFocusLost: (seatId) => seatMap.focus(seatId),
});
const requestRender = oncePerFrame(render);

function tellPhase(next: ConnectionPhase): void {
  if (next === 'synchronising') venue.beginCatchUp();
  if (next === 'live') {
    venue.endCatchUp();
    if (wasLive) messages.add('Connected again.', 'info');
    wasLive = true;
  }
  if (phase === 'live') {
    messages.add('The connection is lost. What is shown may be out of date.', 'error');
    // After it, so above it: where there is room for one message only, this is the one that matters.
    booking.connectionLost();
  }
  if (next === 'gaveUp') messages.add('The server ended this connection. Use “Reconnect” to try again.', 'error');
}

function render(): void {
  const untilRetryMs = retryAtMs - performance.now();
  statusBar.renderConnection(phase, secondsLeft(untilRetryMs));
  const hold = booking.selectedHold;
  const remainingMs = hold ? clock.msUntil(hold.expires_at ?? 0) : 0;
  if (venue.isKnown) {
    statusBar.renderVenue(venue);
    seatMap.render(venue.rows, venue.cols, phase === 'live');
    const holdMs = venue.holdSeconds * 1000;
    panel.render(hold && { seat: hold, remainingMs, holdMs, isBusy: booking.isPending(hold.id) });
  }
  tickAfter(msUntilNextSecond(remainingMs), phase === 'waiting' ? msUntilNextSecond(untilRetryMs) : undefined);
}

/** Renders again when the first of the shown seconds changes. */
function tickAfter(...delaysMs: (number | undefined)[]): void {
  clearTimeout(nextTick);
  const delayMs = Math.min(...delaysMs.filter((delay) => delay !== undefined));
  if (Number.isFinite(delayMs)) nextTick = setTimeout(requestRender, delayMs);
}

render();
connection.start();
