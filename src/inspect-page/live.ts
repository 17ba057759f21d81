import { element, setText } from '../browser/dom.ts';
import { oncePerAnimationFrame } from '../browser/once-per-animation-frame.ts';
import { ServerClock } from '../browser/server-clock.ts';
import type { FeedMessage, HistoryEvent } from '../inspect/feed.ts';
import { inspectPath } from '../inspect/inspect-path.ts';
import { messageOf } from '../process/error-facts.ts';
import type { Seat } from '../protocol/seat.ts';
import { addressOf, isOrder, readAddress, seatIdOf } from './address.ts';
import { renderEvents, renderHistory, renderLatest } from './event-list.ts';
import type { FeedStatus } from './feed-hub.ts';
import { FeedSource } from './feed-source.ts';
import { Follower } from './follower.ts';
import { html } from './html.ts';
import { Machines, type ShownMachine, seatOf } from './machine.ts';
import { OrderList } from './order-list.ts';
import { fillShowPicker, loadPageShow, loadPlanOf } from './page-show.ts';
import { Panels } from './panels.ts';
import { machineAt } from './past-machine.ts';
import { Processes } from './processes.ts';
import { Replay } from './replay.ts';
import { loadSaleHistory, type SaleHistory } from './sale-history.ts';
import { type GridSeat, SeatGrid } from './seat-grid.ts';
import { SeatSelection } from './seat-selection.ts';
import { renderSequence } from './sequence-view.ts';
import { ShowCounts } from './show-counts.ts';
import { Stage, stateText } from './stage.ts';
import { watchTabs } from './tab-source.ts';

const shownLatest = 20;

const query = new URLSearchParams(location.search);
const show = await loadPageShow(query, query.get('seats') ?? '');
const plan = await loadPlanOf(show);
document.title = `${show.prefix}Statecharts, live`;

const machines = new Machines();
const clock = new ServerClock(() => performance.now());
const requestRender = oncePerAnimationFrame(render);
const replay = new Replay(onMoment);
const grid = new SeatGrid(element('grid', HTMLElement), plan, (id) => choose(`seat-${id}`));
const selection = new SeatSelection(show, plan, (id) => choose(`seat-${id}`));
const showCounts = new ShowCounts(show.settings.show);
const orderList = new OrderList(choose);
const stage = new Stage(show, plan, clock);
const panels = new Panels((name) => {
  if (name === 'history' && !isReplaying) void readHistory();
  requestRender();
});
const follower = new Follower(({ machine, classes }) => {
  showMachine(machine);
  // After the frame that shows the machine.
  requestAnimationFrame(() => stage.take(classes));
});
const processes = new Processes(show, {
  onChoose: (chosenNode) => {
    watchedNode = chosenNode;
    openFeed();
  },
  onCompared: requestRender,
});

const start = readAddress(location.hash);
let chosen = start.machine ?? `seat-${selection.first}`;
let linkedEpoch = start.epoch;
let isReplaying = false;
let isJoined = false;
let history: SaleHistory | undefined;
let latest: HistoryEvent[] = [];
let status: FeedStatus = 'connecting';
let watchedNode: string | undefined;
let node = '';
let viewers = 1;
let notice = '';

const feed = new FeedSource({
  onMessage: receive,
  onStatus: (next) => {
    status = next;
    requestRender();
  },
});

function receive(message: FeedMessage): void {
  switch (message.type) {
    case 'hello':
      node = message.node;
      isJoined = false;
      latest = [];
      for (const id of machines.ids) if (seatIdOf(id) || isOrder(id)) machines.forget(id);
      break;
    case 'joined':
      isJoined = true;
      break;
    case 'dropped':
      machines.forget(`seat-${message.seat}`);
      feedChosen();
      break;
    case 'order-dropped':
      machines.forget(message.order);
      break;
    case 'time':
      clock.set(message.server_time);
      viewers = message.viewers;
      break;
    default:
      machines.take(message);
      if (message.type === '@xstate.event' && 'fact' in message.event) remember(message.event.fact as HistoryEvent);
      if (message.type === 'transition' && !isReplaying) showTransition(message.sessionId, message.classes);
  }
  requestRender();
}

function openFeed(): void {
  isJoined = false;
  feed.open({ seats: selection.feedSeats(seatIdOf(chosen)), show: show.param, node: watchedNode });
}

/** A feed of some seats may not have the chosen one. */
function feedChosen(): void {
  const seatId = seatIdOf(chosen);
  if (!isJoined || isReplaying || machines.get(chosen) || seatId === undefined) return;
  if (plan.indexOf(seatId) !== undefined) openFeed();
}

/** The connection of a tab changes every few seconds by itself: following goes from seat to seat. */
function showTransition(id: string, classes: readonly string[]): void {
  const isSeat = seatIdOf(id) !== undefined;
  if (isSeat && !isJoined) return;
  if (follower.isOn && isSeat && seatIdOf(chosen)) follower.offer({ machine: id, classes });
  else if (id === chosen) requestAnimationFrame(() => stage.take(classes));
}

/** Events arrive seat by seat; the list of the venue is in the order of seq. */
function remember(fact: HistoryEvent): void {
  if (latest.some(({ seq }) => seq === fact.seq)) return;
  latest = [...latest, fact].sort((a, b) => b.seq - a.seq).slice(0, shownLatest);
}

/** A choice by the user, which turns following off. */
function choose(machine: string): void {
  setFollowing(false);
  showMachine(machine);
}

function showMachine(machine: string): void {
  if (machine === chosen) return;
  chosen = machine;
  stage.forgetTransitions();
  if (!seatIdOf(machine) && isReplaying) goLive();
  feedChosen();
  writeAddress();
  requestRender();
}

function setFollowing(isOn: boolean): void {
  if (follower.isOn === isOn) return;
  follower.turn(isOn);
  if (isOn && !isReplaying && seatIdOf(chosen) && latest[0]) showMachine(`seat-${latest[0].seat_id}`);
  if (isOn && isReplaying) followPast();
  writeAddress();
  requestRender();
}

/** The replay has moved. */
function onMoment(): void {
  followPast();
  requestRender();
}

function followPast(): void {
  const event = history?.events[replay.moment - 1];
  if (event) follower.offer({ machine: `seat-${event.seat_id}`, classes: [] });
}

function writeAddress(): void {
  const moment = isReplaying && history ? { at: history.start.from + replay.moment, epoch: history.start.epoch } : {};
  window.history.replaceState(null, '', addressOf({ machine: chosen, ...moment, isFollowing: follower.isOn }));
}

async function goReplay(seq?: number): Promise<void> {
  try {
    history = await loadSaleHistory(show.param);
  } catch (error) {
    notice = messageOf(error);
    return requestRender();
  }
  notice = '';
  if (seq !== undefined && linkedEpoch !== undefined && linkedEpoch !== history.start.epoch) {
    notice = 'The epoch of this link has ended.';
  }
  if (!seatIdOf(chosen)) chosen = `seat-${selection.first}`;
  isReplaying = true;
  document.body.classList.add('replaying');
  replay.open(history, notice ? undefined : seq);
}

function goLive(): void {
  isReplaying = false;
  notice = '';
  document.body.classList.remove('replaying');
  replay.close();
  stage.forgetTransitions();
  feedChosen();
  writeAddress();
  requestRender();
}

async function goToMoment(moment: number): Promise<void> {
  if (!isReplaying) await goReplay();
  replay.go(moment);
}

async function readHistory(): Promise<void> {
  try {
    history = await loadSaleHistory(show.param);
  } catch {
    // The status shows that the feed is down, too.
  }
  requestRender();
}

function shownMachine(): ShownMachine | undefined {
  const seatId = seatIdOf(chosen);
  if (isReplaying && history && seatId) return machineAt(history, replay.moment, seatId);
  return machines.get(chosen);
}

function shownSeats(): GridSeat[] {
  const seats = isReplaying && history ? pastSeats(history) : liveSeats();
  const order = ({ id }: GridSeat) => plan.indexOf(id) ?? plan.size;
  return seats.sort((a, b) => order(a) - order(b));
}

function pastSeats(sale: SaleHistory): GridSeat[] {
  return selection.pastSeats(sale, replay.moment, seatIdOf(chosen)).map(({ id, status }: Seat) => ({
    id,
    state: ['available', 'held', 'booked'][status] ?? '',
    differs: false,
    isRequesting: false,
  }));
}

function liveSeats(): GridSeat[] {
  const differing = processes.differingSeats;
  return machines.ids.flatMap((machineId) => {
    const machine = machines.get(machineId);
    const id = seatOf(machine)?.id;
    if (!machine || id === undefined) return [];
    const { value, isRequesting } = machine;
    return [{ id, state: String(value), differs: differing.has(id), isRequesting }];
  });
}

function render(): void {
  const machine = shownMachine();
  const seats = shownSeats();
  // A partly read venue would replace the grid and take the keyboard focus away.
  if (isJoined || isReplaying) {
    grid.render(seats, seatIdOf(chosen));
    selection.render(seats.length);
    showCounts.render(seats.length < plan.size && !isReplaying);
  }
  for (const kind of ['available', 'held', 'expiring', 'booked'] as const) {
    const count = seats.filter(({ state }) => state === kind).length;
    setText(element(`count-${kind}`, HTMLElement), seats.length > 0 ? String(count) : '–');
  }
  const past = isReplaying
    ? history?.events.slice(Math.max(0, replay.moment - shownLatest), replay.moment).reverse()
    : undefined;
  renderLatest(element('latest', HTMLElement), past ?? latest, (seatId) => choose(`seat-${seatId}`));
  renderStatus();
  renderTabs();
  processes.render();
  element('live-btn', HTMLElement).ariaPressed = String(!isReplaying);
  element('replay-btn', HTMLElement).ariaPressed = String(isReplaying);
  element('follow-btn', HTMLElement).ariaPressed = String(follower.isOn);
  const link = element('stately-link', HTMLAnchorElement);
  const fields = seatIdOf(chosen) && machine ? { seat: seatIdOf(chosen) } : { tabs: '' };
  link.href = inspectPath('', { show: show.param, ...fields });
  stage.render({
    id: chosen,
    machine,
    isReading: !isJoined && !isReplaying,
    isFollowing: follower.isOn,
    past: isReplaying && history ? { history, moment: replay.moment, nowMs: replay.nowMs } : undefined,
  });
  renderPanel(machine);
  if (isReplaying) writeAddress();
}

function renderPanel(machine: ShownMachine | undefined): void {
  const { shown, root } = panels;
  if (shown === 'sequence') return void renderSequence(root, machine, show.param);
  if (shown === 'events') return void renderEvents(root, machine);
  const seatId = seatIdOf(chosen);
  const moment = isReplaying ? replay.moment : undefined;
  if (seatId) renderHistory(root, seatId, history, { moment, onGo: goToMoment });
  else root.replaceChildren(html('p', 'none', 'Only seats have a history.'));
}

function renderStatus(): void {
  const root = element('status', HTMLElement);
  const watching = viewers === 1 ? '1 viewer' : `${viewers} viewers`;
  const live = isJoined ? `Live from ${node} · ${watching}` : `Reading ${node} …`;
  const text = {
    open: live,
    connecting: 'Connecting…',
    refused: 'Refused, trying again…',
    paused: 'Paused: other inspector pages use all connections. Close one, or bring this one to the front.',
  }[status];
  setText(root, show.prefix + (notice || (isReplaying ? 'Showing the past' : text)));
  root.className = `status ${isReplaying ? 'past' : status}`;
}

function renderTabs(): void {
  orderList.render(machines, chosen);
  const ids = machines.ids.filter((id) => !seatIdOf(id) && !isOrder(id));
  element('tabs', HTMLElement).hidden = ids.length === 0;
  const list = element('tab-list', HTMLElement);
  const text = ids.map((id) => `${id}: ${stateText(machines.get(id)?.value)}`).join('\n');
  const shown = `${text} ${chosen}`;
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(
    ...ids.map((id) => {
      const button = html('button', 'tab-machine', id, html('span', 'pill quiet', stateText(machines.get(id)?.value)));
      button.ariaPressed = String(id === chosen);
      button.addEventListener('click', () => choose(id));
      return button;
    }),
  );
}

element('live-btn', HTMLElement).addEventListener('click', goLive);
element('replay-btn', HTMLElement).addEventListener('click', () => void goReplay());
element('follow-btn', HTMLElement).addEventListener('click', () => setFollowing(!follower.isOn));
element('link-btn', HTMLElement).addEventListener('click', async () => {
  writeAddress();
  const button = element('link-btn', HTMLElement);
  const isCopied = await navigator.clipboard?.writeText(location.href).then(
    () => true,
    () => false,
  );
  setText(button, isCopied ? 'Copied' : 'Copy it from the address bar');
  setTimeout(() => setText(button, 'Copy link to this moment'), 2_000);
});
addEventListener('hashchange', ({ newURL }) => {
  // Following may have written another address meanwhile.
  const address = readAddress(new URL(newURL).hash);
  if (address.machine !== undefined) choose(address.machine);
  setFollowing(address.isFollowing);
  if (address.at !== undefined) {
    linkedEpoch = address.epoch;
    void goReplay(address.at);
  }
});
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  if (!(target instanceof Element) || target.closest('select, input:not([type=range])')) return;
  if (event.key === 'l') goLive();
  else if (event.key === 'f') setFollowing(!follower.isOn);
  else if (event.key === 'r' && !isReplaying) void goReplay();
  else if (!isReplaying) return;
  else if (event.key === ',') replay.step(-1);
  else if (event.key === '.') replay.step(1);
  else if (event.key === ' ' && !target.closest('button')) {
    event.preventDefault();
    replay.toggle();
  }
});

const showPicker = element('show', HTMLSelectElement);
fillShowPicker(showPicker, show);
showPicker.addEventListener('change', () => location.assign(inspectPath('live', { show: showPicker.value })));

watchTabs({
  onMessage: receive,
  onGone: (id) => {
    machines.forget(id);
    requestRender();
  },
});
processes.start();
if (start.isFollowing) setFollowing(true);
if (start.at !== undefined) void goReplay(start.at);
render();
