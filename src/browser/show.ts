import type { BestSeats } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { ShowDetails } from '../protocol/show.ts';
import { priceFormat } from '../shows/price-format.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { leavesSingleSeat, type SingleSeats } from '../shows/single-seats.ts';
import { BestForm } from './best-form.ts';
import { BestRequest } from './best-request.ts';
import { ShowCheckout } from './checkout/show-checkout.ts';
import { isWholeState } from './compact-seats.ts';
import { element, setText, unpackDataBlocks } from './dom.ts';
import { embeddedDetails, loadDetails, loadPlan, UnknownShowError } from './load-show.ts';
import { localiseTimes } from './local-times.ts';
import type { MapCategory } from './map/map-options.ts';
import { PlanMap } from './map/plan-map.ts';
import { priceRange } from './map/seat-look.ts';
import { SeatWords } from './map/seat-words.ts';
import { unavailableTopic } from './message-list.ts';
import { nearestInPlan } from './nearest-in-plan.ts';
import { createPage, type Page } from './page.ts';
import { protectedFlag, protectedSeatText } from './protected-seats.ts';
import { nextSaleChangeMs, saleClosedText } from './sale.ts';
import { secondsLeft } from './server-clock.ts';
import { showFactsHtml } from './show-html.ts';
import { ShowTrouble } from './show-trouble.ts';
import { SingleSeatsNotice } from './single-seats-notice.ts';
import { TicketTypes } from './ticket-types.ts';
import { confirmationText } from './wording.ts';

/** A timer is never later than this, since the clock of the device may be set. */
const checkSaleWithinMs = 60_000;
const otherPlanRetryMs = 1_000;
/** Refusals of a show that has changed since the page was loaded. */
const rereadCodes: ReadonlySet<ErrorCode> = new Set(['SALE_CLOSED', 'PAYMENT_REQUIRED']);

unpackDataBlocks();
const trouble = new ShowTrouble();
localiseTimes(document);
void open(decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1) ?? ''));

async function open(id: string): Promise<void> {
  try {
    let details = embeddedDetails(id) ?? (await loadDetails(id, trouble.report));
    let plan: SeatingPlan | undefined;
    for (;;) {
      renderFacts(details);
      plan = await loadPlan(details, trouble.report);
      if (plan) break;
      // The plan has just changed, though not in every process yet.
      await new Promise((resolve) => setTimeout(resolve, otherPlanRetryMs));
      details = await loadDetails(id, trouble.report);
    }
    showPage(details, plan);
  } catch (error) {
    if (!(error instanceof UnknownShowError)) throw error;
    trouble.report(undefined);
    element('unknown-show', HTMLElement).hidden = false;
    element('sale-area', HTMLElement).hidden = true;
  }
}

function showPage(loaded: ShowDetails, plan: SeatingPlan): void {
  let details = loaded;
  const { id, currency, max_holds: maxHolds } = details;
  const words = new SeatWords(plan);
  const formatPrice = currency === undefined ? () => '' : priceFormat(currency);
  const formatShortPrice = currency === undefined ? () => '' : priceFormat(currency, { isShort: true });
  const categories = new Map<string, MapCategory>();
  const nameOf = (seatId: string) => words.names([seatId]).join();
  const pricesOf = (seatId: string) => categories.get(plan.category(plan.indexOf(seatId) ?? 0))?.prices;
  const tickets = new TicketTypes({ show: id, types: () => details.ticket_types ?? [], storage: () => sessionStorage });
  const amountOf = (seatId: string) => pricesOf(seatId)?.get(tickets.typeOf(seatId) ?? '');
  let map: PlanMap | undefined;
  let isReading = false;
  readCategories();
  const checkout = new ShowCheckout({
    show: id,
    page: () => page,
    isOn: () => details.checkout === true,
    ticketTypeOf: (seatId) => tickets.typeOf(seatId),
    namesOf: (seatIds) => words.names(seatIds),
    rangesOf: (seatIds) => words.ranges(seatIds),
    sumOf,
    formatPrice,
    reread: () => void reread(),
  });

  const page: Page = createPage({
    show: id,
    createMap: ({ onClick, onRelease, ...options }) => {
      const root = element('plan-map', HTMLElement);
      map = new PlanMap({
        ...{ ...options, root, plan, words, categories, formatPrice, formatShortPrice },
        onPick: (seatId) => checkout.explains(seatId) || onClick(seatId),
        onRelease: (seatId) => checkout.explains(seatId) || onRelease(seatId),
      });
      return map;
    },
    seats: {
      plan,
      closedReason: () => saleClosedText(details),
      isOrdered: (seatId) => checkout.isOrdered(seatId),
      cautionOf: (seatId) => {
        const isMeant = map?.filter.accessibleOnly || heldIds().some((id) => protectedFlag(plan, id) !== undefined);
        const flag = isMeant ? undefined : protectedFlag(plan, seatId);
        return flag && protectedSeatText(flag);
      },
      namesOf: (seatIds) => words.names(seatIds),
      nearestFree: (to) => actions.venue.seat(nearestInPlan(plan, isFree, to) ?? ''),
      withoutSingle: (seatIds) => withoutSingle([...heldIds(), ...seatIds])?.instead,
    },
    cart: {
      nameOf,
      rangesOf: (seatIds) => words.ranges(seatIds),
      priceOf: (seatId) => {
        const amount = amountOf(seatId);
        return amount === undefined ? undefined : formatPrice(amount);
      },
      sumOf,
      checkoutLabel: (seatIds) => checkout.label(seatIds),
      isCheckingOut: () => checkout.isPending,
      onBook: (seatIds) => (details.checkout ? checkout.start(seatIds) : actions.book(...seatIds)),
      tickets: {
        typesOf: (seatId) =>
          [...(pricesOf(seatId) ?? [])].map(([type, amount]) => ({ type, text: `${type} ${formatPrice(amount)}` })),
        typeOf: (seatId) => tickets.typeOf(seatId),
        choose: (seatId, type) => {
          tickets.choose(seatId, type);
          page.announce(`Total ${sumOf(heldIds()) ?? ''}`);
          page.requestRender();
        },
      },
    },
    onMessage: (message) => {
      if (message.type === 'ERROR' && rereadCodes.has(message.data.code)) void reread();
      if (message.type === 'SEATS' && isWholeState(message.data) && message.data.plan !== details.plan) {
        page.report('The seating plan has changed. Reload the page.', 'error', { topic: 'plan', urgent: true });
        return true;
      }
      return trouble.receive(message, actions.venue.isKnown) || best.receive(message);
    },
    onConnected: () => void reread(),
    onConnectionLost: () => best.connectionLost(),
    onRender: (canChoose) => {
      const { category, section } = bestFilter();
      const places = [category, section].filter((place) => place !== undefined);
      const priceText = priceRange(pricedCategories(), { categories }, formatShortPrice);
      form.render(canChoose, { pending: best.pending?.count, places, priceText });
      singleSeats.render(heldIds());
      tickets.takeHeld(heldIds());
      checkout.render();
    },
  });
  const { actions } = page;

  const best = new BestRequest({
    send: page.send,
    report: page.report,
    learn: (seats) => actions.learn(seats),
    heldText: (seats) => {
      const ends = actions.holds.filter(({ seat }) => seats.some((held) => held.id === seat.id));
      const leftMs = Math.min(...ends.map(({ remainingMs }) => remainingMs), actions.venue.holdSeconds * 1000);
      return confirmationText('select', words.names(seats.map((seat) => seat.id)), secondsLeft(leftMs));
    },
    onHeld: (seats) => map?.show(seats.map((seat) => seat.id)),
    onChange: page.requestRender,
    offerAtLimit: (wish) => {
      const given = heldIds();
      if (given.length === 0) return undefined;
      const yours = given.length === 1 ? 'yours' : `your ${given.length}`;
      const accept = () => actions.releaseThen(given, () => best.hold(wish));
      return { label: `Release ${yours}, and search again`, accept };
    },
  });
  const form = new BestForm(maxHolds, (count) => findBest(count));
  const singleSeats = new SingleSeatsNotice({
    plan,
    words,
    isFree,
    withoutSingle,
    announce: page.announce,
    onExchange: (given, wanted) => {
      // The button goes with the warning.
      page.map.focus(wanted[0]);
      actions.exchange(given, wanted);
    },
  });

  function findBest(count: number): void {
    const reason = page.refusalReason();
    if (reason !== undefined) {
      page.report(reason, 'error', { topic: unavailableTopic });
      return;
    }
    best.hold({ count, ...bestFilter() });
  }

  /** The limits that the filter and the open section set for the best seats. */
  function bestFilter(): Omit<BestSeats, 'count'> {
    const [category, another] = map?.filter.categories ?? [];
    const section = map?.section;
    return {
      ...(category !== undefined && another === undefined && { category }),
      ...(section !== undefined && { section }),
      ...(map?.filter.accessibleOnly && { accessible: true }),
    };
  }

  /** Categories in which the best seats are searched. */
  function pricedCategories(): readonly string[] {
    const { categories: wanted = new Set() } = map?.filter ?? {};
    const inSection = map?.sectionCategories ?? plan.categories;
    return wanted.size === 0 ? inSection : inSection.filter((name) => wanted.has(name));
  }

  function sumOf(seatIds: readonly string[]): string | undefined {
    const amounts = seatIds.map(amountOf);
    if (amounts.some((amount) => amount === undefined)) return undefined;
    return formatPrice(amounts.reduce<number>((sum, amount = 0) => sum + amount, 0));
  }

  function heldIds(): string[] {
    return actions.holds.map(({ seat }) => seat.id);
  }

  /** Seats that are kept for wheelchair users and their companions are offered in place of such seats only. */
  function withoutSingle(seatIds: readonly string[]): SingleSeats | undefined {
    const found = leavesSingleSeat(plan, isFree, seatIds);
    const isOffered = found?.instead?.every((id) => seatIds.includes(id) || protectedFlag(plan, id) === undefined);
    return isOffered ? found : undefined;
  }

  function isFree(seatId: string): boolean {
    return actions.venue.seat(seatId)?.status === SeatStatus.available;
  }

  function readCategories(): void {
    const types = details.ticket_types ?? [];
    for (const { name, colour, prices = {} } of details.categories) {
      const byType = types.flatMap((type): [string, number][] => {
        const amount = prices[type];
        return amount === undefined ? [] : [[type, amount]];
      });
      categories.set(name, { name, colour, prices: new Map(byType) });
    }
  }

  /** Prices and times may change while the page is open, without any message. */
  async function reread(): Promise<void> {
    if (isReading) return;
    isReading = true;
    const next = await loadDetails(id).catch(() => undefined);
    isReading = false;
    if (!next) return;
    // Another plan has other seats: everything on the page belongs to the old one.
    if (next.plan !== details.plan) return location.reload();
    details = next;
    readCategories();
    map?.touchPrices();
    renderFacts(details);
    page.requestRender();
  }

  function watchSale(): void {
    const atMs = nextSaleChangeMs(details);
    const waitMs = atMs === undefined ? checkSaleWithinMs : Math.max(1_000, atMs - Date.now());
    setTimeout(
      () => {
        if (atMs !== undefined && Date.now() >= atMs) void reread();
        watchSale();
      },
      Math.min(checkSaleWithinMs, waitMs),
    );
  }

  watchSale();
  page.start();
}

function renderFacts(details: ShowDetails): void {
  document.title = `${details.name} · Seats`;
  setText(element('show-name', HTMLElement), details.name);
  const facts = element('show-facts', HTMLElement);
  facts.innerHTML = showFactsHtml(details);
  localiseTimes(facts);
}
