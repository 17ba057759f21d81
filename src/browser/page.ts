import { compactSubprotocol } from '../protocol/close-codes.ts';
import type { ClientMessage, ServerMessage } from '../protocol/messages.ts';
import { Announcer } from './announcer.ts';
import { Cart, type CartOptions } from './cart.ts';
import { isWholeState } from './compact-seats.ts';
import { Connection, type ConnectionView } from './connection.ts';
import { type ConnectionPhase, type ConnectionStatus, connectionStatus, sessionStatus } from './connection-status.ts';
import { element } from './dom.ts';
import { HttpSocket } from './http-socket.ts';
import { isKeepKey } from './keep-offer.ts';
import { type MessageDetails, MessageList, type MessageTone, unavailableTopic } from './message-list.ts';
import { oncePerAnimationFrame } from './once-per-animation-frame.ts';
import { OthersEvents } from './others-events.ts';
import type { PageMap } from './page-map.ts';
import { probeHttp } from './probe-http.ts';
import { SeatActions } from './seat-actions.ts';
import type { SeatActionsOptions } from './seat-actions-options.ts';
import type { SeatMapOptions } from './seat-map.ts';
import { msUntilNextSecond, ServerClock, secondsLeft } from './server-clock.ts';
import { PageSession } from './session.ts';
import { StatusBar } from './status-bar.ts';
import { watchForSleep } from './watch-for-sleep.ts';
import { cookiesBlockedText, forbiddenText, newUserText, pollingText, unavailableText } from './wording.ts';

/** Longest time that the connection waits for the session. */
const sessionWaitMs = 1_000;

export interface PageOptions {
  /** Id of the show. undefined: the default show. */
  show?: string;
  createMap: (options: SeatMapOptions) => PageMap;
  /** Names and prices of seats. */
  cart?: Partial<
    Pick<
      CartOptions,
      'checkoutLabel' | 'isCheckingOut' | 'nameOf' | 'onBook' | 'priceOf' | 'rangesOf' | 'sumOf' | 'tickets'
    >
  >;
  seats?: Pick<
    SeatActionsOptions,
    'cautionOf' | 'closedReason' | 'isOrdered' | 'namesOf' | 'nearestFree' | 'plan' | 'withoutSingle'
  >;
  /** True if the message needs nothing else. */
  onMessage?: (message: ServerMessage) => boolean;
  onRender?: (canChoose: boolean) => void;
  onConnected?: () => void;
  onConnectionLost?: () => void;
}

/** The parts of a page that extensions of it use. */
export interface Page {
  readonly actions: SeatActions;
  readonly map: PageMap;
  readonly userId: () => string;
  send: (message: ClientMessage) => void;
  report: (text: string, tone: MessageTone, details?: MessageDetails) => void;
  announce: (text: string) => void;
  requestRender: () => void;
  readonly session: PageSession;
  readonly clock: ServerClock;
  /** Why no command can be sent now; undefined if commands can be sent. */
  unavailableReason: () => string | undefined;
  /** Why no seat can be held now; undefined if seats can be held. */
  refusalReason: () => string | undefined;
  start: () => void;
}

/** A page that shows seats and sends commands on them: session, connection, map, selection, messages. */
export function createPage(options: PageOptions): Page {
  const clock = new ServerClock(() => performance.now());
  const messages = new MessageList();
  const announcer = new Announcer();
  /** `fetch` must be called as a method of the window. */
  const fetcher: typeof fetch = (...request) => fetch(...request);

  let view: ConnectionView = { phase: 'connecting', retryDelayMs: 0, httpStatus: undefined, wasWebSocketLive: false };
  let retryAtMs = 0;
  let isStarted = false;
  /** The user for whom the current connection was opened. */
  let connectedAs: string | undefined;
  let wasLive = false;
  let isLost = false;
  /** The user of the last CONNECT. */
  let connectUserId: string | undefined;
  /** The user whose seats the last state names; null: it names the holders of all seats. */
  let stateUserId: string | undefined | null = null;
  let watching: number | undefined;
  let roundTripMs: number | undefined;
  let nextTick: ReturnType<typeof setTimeout> | undefined;

  const session = new PageSession({
    fetch: fetcher,
    monotonicMs: () => performance.now(),
    random: Math.random,
    onBegun: startConnection,
    onSession: takeSession,
    onRefused: ({ status }) => {
      if (status === 403) report(forbiddenText(location.origin), 'error', { topic: 'session' });
      startConnection();
      requestRender();
    },
    onCookiesBlocked: () => report(cookiesBlockedText, 'warning', { topic: 'cookies' }),
  });

  const userId = () => session.userId ?? '';
  const sessionRetryS = () => secondsLeft((session.refusal?.retryAtMs ?? 0) - performance.now());

  const actions = new SeatActions({
    userId,
    clock,
    unavailableReason,
    send: (message) => connection.send(message),
    ...options.seats,
    stateUserId: () => stateUserId ?? undefined,
    report,
    announce: (text) => announcer.announce(text),
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
  const { venue } = actions;
  const others = new OthersEvents(
    (text) => announcer.announce(text),
    () => venue.counts.available,
  );

  const connection = new Connection({
    identity: () => {
      connectUserId = session.userId;
      // Later messages name only the seats of this user.
      if (stateUserId === null) stateUserId = connectUserId;
      return {
        ...(session.userId !== undefined && { user_id: session.userId }),
        ...(session.token !== undefined && { token: session.token }),
      };
    },
    onSessionOver: () => session.over(),
    jitterSeed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    openSocket: () => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`, compactSubprotocol),
    show: options.show,
    openHttpSocket: () =>
      new HttpSocket({
        fetch: fetcher,
        authorization: () => session.authorization,
        random: Math.random,
      }),
    probeHttp: () => probeHttp(fetcher),
    network: window,
    visibility: document,
    watchForSleep,
    // SEATS names only the seats of its user: another user needs another state.
    position: () => (stateUserId === null || stateUserId === session.userId ? venue.position : undefined),
    onReply: (settings, roundTripMs) => {
      actions.learnSettings(settings, roundTripMs);
      requestRender();
    },
    onRoundTrip: (ms) => {
      roundTripMs = ms;
      requestRender();
    },
    onMessage: (message) => {
      if (message.type === 'VENUE_STATE') stateUserId = null;
      if (message.type === 'SEATS' && isWholeState(message.data)) stateUserId = connectUserId;
      if (!options.onMessage?.(message)) actions.receive(message);
      requestRender();
    },
    onView: (next) => {
      reportPhase(next);
      view = next;
      retryAtMs = performance.now() + next.retryDelayMs;
      requestRender();
    },
  });

  const statusBar = new StatusBar(() => {
    connection.retry();
    session.retry();
  });
  const seatMap = options.createMap({
    seat: (seatId) => venue.seat(seatId),
    isPending: (seatId) => actions.isPending(seatId),
    onClick: (seatId) => actions.clickSeat(seatId),
    onRelease: (seatId) => actions.release(seatId),
  });
  const cart = new Cart({
    onBook: (seatIds) => actions.book(...seatIds),
    ...options.cart,
    onRelease: (seatIds) => actions.release(...seatIds),
    onKeep: () => actions.keep(),
    onFocusLost: (seatId) => seatMap.focus(seatId),
  });
  const requestRender = oncePerAnimationFrame(render);

  element('skip-link', HTMLAnchorElement).addEventListener('click', (event) => {
    event.preventDefault();
    seatMap.focus();
  });

  document.addEventListener('keydown', (event) => {
    if (!isKeepKey(event)) return;
    event.preventDefault();
    actions.keep();
  });

  function unavailableReason(): string | undefined {
    return unavailableText(view.phase, session, { wasLive, retrySeconds: sessionRetryS(), origin: location.origin });
  }

  function report(text: string, tone: MessageTone, details: MessageDetails = {}): void {
    messages.add(text, tone, details);
    const { offer, spoken = text, urgent } = details;
    announcer.announce(offer ? `${spoken} Button: ${offer.label}.` : spoken, urgent);
  }

  const isConnected = (phase: ConnectionPhase): boolean =>
    phase === 'live' || phase === 'polling' || phase === 'checking';

  function reportPhase({ phase: next, wasWebSocketLive }: ConnectionView): void {
    const { phase } = view;
    if (next === 'synchronising') venue.beginCatchUp();
    if ((next === 'live' || next === 'polling') && !isConnected(phase)) {
      venue.endCatchUp();
      if (isLost) report('Connected again.', 'info', { topic: 'connection' });
      if (next === 'live') messages.removeTopic('line');
      // Without a session booking does not work; the status shows the reason.
      if (next === 'polling' && !session.refusal) report(pollingText(wasWebSocketLive), 'warning', { topic: 'line' });
      isLost = false;
      wasLive = true;
      session.serverReplied();
      options.onConnected?.();
    }
    if (isConnected(phase) && !isConnected(next)) {
      watching = undefined;
      roundTripMs = undefined;
      // An immediate `synchronising` means that another connection has taken over: nothing is lost.
      if (next !== 'synchronising') reportLost();
      // Reported last, so shown on top: if there is room for one message, this one matters more.
      actions.connectionLost();
      options.onConnectionLost?.();
    }
    if (phase === 'synchronising' && !isConnected(next) && wasLive && !isLost) reportLost();
    if (next === 'gaveUp') {
      report('The server ended this connection. Use “Reconnect” to try again.', 'error', { topic: 'connection' });
    }
  }

  function reportLost(): void {
    isLost = true;
    report('The connection is lost. The seats may be out of date.', 'error', { topic: 'connection' });
  }

  function shownStatus(): ConnectionStatus {
    const { phase } = view;
    const retrySeconds = secondsLeft(retryAtMs - performance.now());
    const status = connectionStatus(phase, retrySeconds, view);
    if (session.isReady || phase === 'waiting' || phase === 'offline' || phase === 'gaveUp') return status;
    // Without a session the page shows the seats, but cannot book.
    if (session.refusal) return sessionStatus(session.refusal, sessionRetryS());
    return connectionStatus('connecting', 0);
  }

  function render(): void {
    statusBar.renderConnection(shownStatus());
    statusBar.renderLine(watching, roundTripMs);
    const closedText = options.seats?.closedReason?.();
    const isLive = connection.isLive && session.isReady;
    const canChoose = isLive && closedText === undefined;
    if (canChoose) messages.removeTopic(unavailableTopic);
    seatMap.renderLive(canChoose);
    const { holds } = actions;
    if (venue.isKnown) {
      const { holdSeconds, maxHolds, counts } = venue;
      const holdMs = holdSeconds * 1000;
      const bookedIds = actions.bookedSeats.map(({ id }) => id);
      statusBar.renderVenue(venue);
      seatMap.render(userId(), venue);
      seatMap.renderTime(holds, holdMs);
      cart.render({ holds, bookedIds, keepableIds: actions.keepableIds, holdMs, maxHolds, isLive, closedText, counts });
      // A render just before a shown second changes delays `tick`, but already shows the offer.
      actions.announceEnds();
    }
    options.onRender?.(canChoose);
    tickLater();
  }

  /** Runs `tick` when the first of the shown seconds changes. No animation frame: a page in the background has none, but must warn. */
  function tickLater(): void {
    clearTimeout(nextTick);
    const nowMs = performance.now();
    const retriesMs = [retryAtMs - nowMs, (session.refusal?.retryAtMs ?? 0) - nowMs];
    const untilMs = [...actions.holds.map(({ remainingMs }) => remainingMs), ...retriesMs];
    const delayMs = Math.min(...untilMs.map((ms) => msUntilNextSecond(ms) ?? Number.POSITIVE_INFINITY));
    if (Number.isFinite(delayMs)) nextTick = setTimeout(tick, delayMs);
  }

  function tick(): void {
    actions.announceEnds();
    tickLater();
    requestRender();
  }

  function takeSession(user: string, previous: string | undefined): void {
    statusBar.renderUser(user);
    if (previous !== undefined && previous !== user) {
      report(newUserText, 'warning', { topic: 'session' });
    }
    // A renewed cookie, a token, another user, or a late session: the connection does not have it yet.
    if (previous !== undefined || session.token !== undefined || connectedAs !== user) connection.identify();
    connectedAs = user;
    requestRender();
  }

  /** Starts with the session's cookie if it arrives in time. Without a session the page shows the seats. */
  function startConnection(): void {
    if (isStarted) return;
    isStarted = true;
    connectedAs = session.userId;
    connection.start();
  }

  return {
    actions,
    map: seatMap,
    userId,
    send: (message) => connection.send(message),
    report,
    announce: (text) => announcer.announce(text),
    requestRender,
    session,
    clock,
    unavailableReason,
    refusalReason: () => unavailableReason() ?? options.seats?.closedReason?.(),
    start: () => {
      render();
      void session.begin();
      setTimeout(startConnection, sessionWaitMs);
    },
  };
}
