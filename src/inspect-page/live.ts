import { element, setText } from '../browser/dom.ts';
import { oncePerFrame } from '../browser/once-per-frame.ts';
import { ServerClock } from '../browser/server-clock.ts';
import type { FeedMessage, HistoryEvent, NodeStates } from '../inspect/feed.ts';
import type { Seat } from '../protocol/seat.ts';
import { addressOf, readAddress, seatIdOf } from './address.ts';
import { Chart } from './chart.ts';
import { renderEvents, renderHistory, renderLatest } from './event-list.ts';
import type { FeedStatus } from './feed-hub.ts';
import { FeedSource } from './feed-source.ts';
import { html } from './html.ts';
import { Machines, type ShownMachine, seatOf } from './machine.ts';
import { type Difference, NodeDifferences } from './node-differences.ts';
import { machineAt, transitionInto } from './past-machine.ts';
import { Replay } from './replay.ts';
import { loadSaleHistory, type SaleHistory } from './sale-history.ts';
import { type GridSeat, SeatGrid } from './seat-grid.ts';
import { renderSequence } from './sequence-view.ts';
import { watchTabs } from './tab-source.ts';

const statesEveryMs = 1_000;
const shownLatest = 20;

const machines = new Machines();
const clock = new ServerClock(() => performance.now());
const requestRender = oncePerFrame(render);
const replay = new Replay(requestRender);
const grid = new SeatGrid(element('grid', HTMLElement), (id) => choose(`seat-${id}`));
const chart = new Chart(element('chart', HTMLElement));
const differences = new NodeDifferences();
const nodePicker = element('node', HTMLSelectElement);

let { machine: chosen, at: linkedSeq, epoch: linkedEpoch } = readAddress(location.hash);
let isReplaying = false;
let isJoined = false;
let panel = 'sequence';
let history: SaleHistory | undefined;
let latest: HistoryEvent[] = [];
let different: Difference[] = [];
let status: FeedStatus = 'connecting';
let node = '';
let viewers = 1;
/** What the chart has been shown of the past, so that a step forward lights its transition. */
let chartMoment = '';
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
      for (const id of machines.ids) if (seatIdOf(id)) machines.forget(id);
      break;
    case 'joined':
      isJoined = true;
      break;
    case 'time':
      clock.set(message.server_time);
      viewers = message.viewers;
      break;
    default: {
      const id = machines.take(message);
      if (message.type === '@xstate.event' && 'fact' in message.event) remember(message.event.fact as HistoryEvent);
      if (message.type === 'transition' && id === chosen && !isReplaying && (isJoined || !seatIdOf(id))) {
        const { classes } = message;
        requestAnimationFrame(() => chart.take(classes));
      }
    }
  }
  requestRender();
}

/** Seats tell of their transitions one by one; the venue's are in the order of seq. */
function remember(fact: HistoryEvent): void {
  if (latest.some(({ seq }) => seq === fact.seq)) return;
  latest = [...latest, fact].sort((a, b) => b.seq - a.seq).slice(0, shownLatest);
}

function choose(machine: string): void {
  if (machine === chosen) return;
  chosen = machine;
  chart.forgetTransitions();
  if (!seatIdOf(machine) && isReplaying) goLive();
  writeAddress();
  requestRender();
}

function writeAddress(): void {
  const moment = isReplaying && history ? { at: history.start.from + replay.moment, epoch: history.start.epoch } : {};
  window.history.replaceState(null, '', addressOf({ machine: chosen, ...moment }));
}

async function goReplay(seq?: number): Promise<void> {
  try {
    history = await loadSaleHistory();
  } catch (error) {
    notice = (error as Error).message;
    return requestRender();
  }
  notice = '';
  if (seq !== undefined && linkedEpoch !== undefined && linkedEpoch !== history.start.epoch) {
    notice = 'That moment is of an epoch that is no more.';
  }
  if (!seatIdOf(chosen)) chosen = 'seat-A1';
  isReplaying = true;
  document.body.classList.add('replaying');
  replay.open(history, notice ? undefined : seq);
}

function goLive(): void {
  isReplaying = false;
  notice = '';
  document.body.classList.remove('replaying');
  replay.close();
  chart.forgetTransitions();
  writeAddress();
  requestRender();
}

function shownMachine(): ShownMachine | undefined {
  const seatId = seatIdOf(chosen);
  if (isReplaying && history && seatId) return machineAt(history, replay.moment, seatId);
  return machines.get(chosen);
}

function shownSeats(): GridSeat[] {
  if (isReplaying && history) {
    return [...history.seatsAt(replay.moment).values()].map((seat) => ({
      ...seat,
      state: ['available', 'held', 'booked'][seat.status] ?? '',
      differs: false,
      isAsking: false,
    }));
  }
  const differing = new Set(different.map(({ seatId }) => seatId));
  const seats = machines.ids.map((id) => machines.get(id)).filter((machine) => seatOf(machine) !== undefined);
  return seats
    .map((machine) => {
      const { value, isAsking } = machine as ShownMachine;
      const { id, row, col } = seatOf(machine) as Seat;
      return { id, row, col, state: String(value), differs: differing.has(id), isAsking };
    })
    .sort((a, b) => a.row - b.row || a.col - b.col);
}

function render(): void {
  const machine = shownMachine();
  const seats = shownSeats();
  // A half-read venue would be another grid, and whoever is in it with the keyboard would be thrown out.
  if (isJoined || isReplaying) grid.render(seats, seatIdOf(chosen));
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
  renderDifferences();
  element('live-btn', HTMLElement).ariaPressed = String(!isReplaying);
  element('replay-btn', HTMLElement).ariaPressed = String(isReplaying);
  const link = element('stately-link', HTMLAnchorElement);
  link.href = seatIdOf(chosen) ? `/inspect?seat=${seatIdOf(chosen)}` : '/inspect?tabs';

  setText(element('machine-name', HTMLElement), seatIdOf(chosen) ?? chosen);
  renderStage(machine);
  if (panel === 'sequence') renderSequence(element('sequence', HTMLElement), machine);
  if (panel === 'events') renderEvents(element('events', HTMLElement), machine);
  if (panel === 'history') {
    const seatId = seatIdOf(chosen);
    const moment = isReplaying ? replay.moment : undefined;
    const root = element('history', HTMLElement);
    if (seatId) renderHistory(root, seatId, history, { moment, onGo: goToMoment });
    else root.replaceChildren(html('p', 'none', 'Only what happens to seats is kept.'));
  }
  if (isReplaying) writeAddress();
}

function renderStage(machine: ShownMachine | undefined): void {
  const isSeat = seatIdOf(chosen) !== undefined;
  const statePill = element('machine-state', HTMLElement);
  const decision = element('decision', HTMLElement);
  const state = machine ? connectionState(machine.value) : 'not there';
  setText(statePill, state);
  statePill.className = `pill ${state.split('.')[0]}`;
  decision.hidden = !isSeat || machine === undefined;
  setText(decision, machine?.isAsking ? 'asking Redis' : 'decision idle');
  decision.classList.toggle('asking', machine?.isAsking ?? false);

  chart.show(isSeat ? 'seat' : 'connection', machine?.value);
  if (isReplaying && history) {
    const shown = `${chosen} ${replay.moment}`;
    if (shown !== chartMoment) {
      const classes = transitionInto(history, replay.moment, seatIdOf(chosen) ?? '');
      if (classes) chart.take(classes);
      else if (!chartMoment.startsWith(`${chosen} `)) chart.forgetTransitions();
    }
    chartMoment = shown;
  } else chartMoment = '';
  renderTimeLeft(machine);
  renderFacts(machine);
}

function renderTimeLeft(machine: ShownMachine | undefined): void {
  const seat = seatOf(machine);
  const left = element('left', HTMLElement);
  const isCounting = machine?.value === 'held' && seat?.expires_at !== undefined;
  left.hidden = !isCounting;
  if (!isCounting || seat?.expires_at === undefined) return void chart.burn(0);
  const leftMs = Math.max(0, isReplaying ? seat.expires_at * 1000 - replay.nowMs : clock.msUntil(seat.expires_at));
  setText(left, `${(leftMs / 1000).toFixed(1)} s left`);
  chart.burn(leftMs / (Number(machine.context.holdRemainingMs) || 30_000));
  if (!isReplaying) requestRender();
}

function renderFacts(machine: ShownMachine | undefined): void {
  const { seat, ...rest } = (machine?.context ?? {}) as { seat?: object };
  const facts = Object.entries({ ...seat, ...rest });
  const items = facts.flatMap(([name, value]) => [html('dt', '', name), html('dd', '', String(value))]);
  const root = element('facts', HTMLElement);
  const text = items.map((item) => item.textContent).join('\n');
  if (root.dataset.shown === text) return;
  root.dataset.shown = text;
  root.replaceChildren(
    ...facts.map(([name, value]) => html('div', '', html('dt', '', name), html('dd', '', String(value)))),
  );
}

function renderStatus(): void {
  const root = element('status', HTMLElement);
  const watching = viewers === 1 ? 'you alone watch' : `${viewers} watch`;
  const live = isJoined ? `Live from ${node} · ${watching}` : `Reading ${node} …`;
  const text = {
    open: live,
    connecting: 'Connecting…',
    refused: 'Refused, trying again…',
    paused: 'Paused: other inspector pages use all connections. Close one, or bring this one to the front.',
  }[status];
  setText(root, notice || (isReplaying ? 'Showing the past' : text));
  root.className = `status ${isReplaying ? 'past' : status}`;
}

function renderTabs(): void {
  const ids = machines.ids.filter((id) => !seatIdOf(id));
  element('tabs', HTMLElement).hidden = ids.length === 0;
  const list = element('tab-list', HTMLElement);
  const text = ids.map((id) => `${id}: ${connectionState(machines.get(id)?.value)}`).join('\n');
  const shown = `${text} ${chosen}`;
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(
    ...ids.map((id) => {
      const state = connectionState(machines.get(id)?.value);
      const button = html('button', 'tab-machine', id, html('span', 'pill quiet', state));
      button.ariaPressed = String(id === chosen);
      button.addEventListener('click', () => choose(id));
      return button;
    }),
  );
}

function renderDifferences(): void {
  const root = element('nodes', HTMLElement);
  root.hidden = nodePicker.options.length < 2;
  if (root.hidden) return;
  const lines = different.map(({ seatId, states }) =>
    [`${seatId}:`, [...states].map(([name, state]) => `${name} ${state}`).join(', ')].join(' '),
  );
  const missing = silentNodes.map((name) => `${name} does not answer.`);
  const text = [...missing, ...lines].join('\n') || `${nodePicker.options.length} processes, and all show the same.`;
  setText(root, text);
  root.classList.toggle('alarm', missing.length + lines.length > 0);
}

let silentNodes: string[] = [];

async function compareNodes(): Promise<void> {
  try {
    const nodes = (await (await fetch('/inspect/states')).json()) as NodeStates[];
    silentNodes = nodes.filter(({ seats }) => !seats).map(({ node }) => node);
    different = differences.compare(nodes);
  } catch {
    // The process that answered is gone; the feed says so, and the next one is asked in a moment.
  }
  requestRender();
}

async function loadNodes(): Promise<void> {
  const { node: self, nodes } = (await (await fetch('/inspect/settings')).json()) as { node: string; nodes: string[] };
  nodePicker.replaceChildren(...nodes.map((name) => new Option(name, name, name === self, name === self)));
  nodePicker.closest('label')?.classList.toggle('alone', nodes.length === 1);
  feed.open('all', nodes.length > 1 ? self : undefined);
  if (nodes.length > 1) setInterval(() => void compareNodes(), statesEveryMs);
}

async function goToMoment(moment: number): Promise<void> {
  if (!isReplaying) await goReplay();
  replay.go(moment);
}

function connectionState(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  return Object.entries(value)
    .map(([parent, child]) => `${parent}.${connectionState(child)}`)
    .join();
}

function showPanel(name: string): void {
  panel = name;
  for (const each of ['sequence', 'events', 'history']) {
    element(each, HTMLElement).hidden = each !== name;
    const tab = element(`tab-${each}`, HTMLElement);
    tab.ariaSelected = String(each === name);
    tab.tabIndex = each === name ? 0 : -1;
  }
  if (name === 'history' && !isReplaying)
    void loadSaleHistory().then(
      (loaded) => {
        history = loaded;
        requestRender();
      },
      () => {},
    );
  requestRender();
}

for (const name of ['sequence', 'events', 'history']) {
  const tab = element(`tab-${name}`, HTMLElement);
  tab.addEventListener('click', () => showPanel(name));
  tab.addEventListener('keydown', ({ key }) => {
    if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
    const names = ['sequence', 'events', 'history'];
    const next = names[(names.indexOf(name) + (key === 'ArrowRight' ? 1 : 2)) % 3] as string;
    showPanel(next);
    element(`tab-${next}`, HTMLElement).focus();
  });
}
element('live-btn', HTMLElement).addEventListener('click', goLive);
element('replay-btn', HTMLElement).addEventListener('click', () => void goReplay());
element('link-btn', HTMLElement).addEventListener('click', async ({ target }) => {
  writeAddress();
  const button = target as HTMLElement;
  const copied = await navigator.clipboard?.writeText(location.href).then(
    () => true,
    () => false,
  );
  setText(button, copied ? 'Copied' : 'The address is the link');
  setTimeout(() => setText(button, 'Copy link to this moment'), 2_000);
});
nodePicker.addEventListener('change', () => feed.open('all', nodePicker.value));
addEventListener('hashchange', () => {
  const address = readAddress(location.hash);
  choose(address.machine);
  if (address.at !== undefined) {
    linkedEpoch = address.epoch;
    void goReplay(address.at);
  }
});
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isField = (event.target as HTMLElement).closest('select, input:not([type=range])') !== null;
  if (isField) return;
  if (event.key === 'l') goLive();
  else if (event.key === 'r' && !isReplaying) void goReplay();
  else if (!isReplaying) return;
  else if (event.key === ',') replay.step(-1);
  else if (event.key === '.') replay.step(1);
  else if (event.key === ' ' && !(event.target as HTMLElement).closest('button')) {
    event.preventDefault();
    replay.toggle();
  }
});

watchTabs({
  onMessage: receive,
  onGone: (id) => {
    machines.forget(id);
    requestRender();
  },
});
void loadNodes();
if (linkedSeq !== undefined) void goReplay(linkedSeq);
render();
