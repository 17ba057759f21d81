import { SeatStatus } from '../../protocol/seat-status.ts';
import { setText } from '../dom.ts';
import { AreaCounts } from './area-counts.ts';
import { type Area, areasOf } from './areas.ts';
import { drawnInPlace, drawnUpright } from './drawn-seats.ts';
import { FilterBar } from './filter-bar.ts';
import { ListView } from './list-view.ts';
import type { MapHold, MapOptions } from './map-options.ts';
import { MapToolbar } from './map-toolbar.ts';
import { Overview } from './overview.ts';
import type { SeatFilter } from './seat-filter.ts';
import { pricesByType } from './seat-look.ts';
import { SeatView } from './seat-view.ts';

/** Seats of a plan that is shown whole. */
const smallPlan = 320;

/** The map of any plan: a small one whole, a large one as its areas and then the seats of one; or all of it as a list. */
export class PlanMap {
  readonly #options: MapOptions;
  readonly #areas: readonly Area[];
  readonly #counts: AreaCounts;
  readonly #filters: FilterBar;
  readonly #toolbar: MapToolbar;
  readonly #seats: SeatView;
  readonly #overview: Overview | undefined;
  readonly #list: ListView;
  readonly #caption = document.createElement('p');
  /** Indexes of the user's seats. */
  readonly #own = new Set<number>();
  readonly #ownChangedIn = new Set<number>();
  /** The open area. undefined: the overview. */
  #open: number | undefined;
  #isList = false;
  #isDrawn = false;
  /** Whether the user has opened the area, and not the page. */
  #isChosen = false;
  #userId = '';
  #sectionCategories: { section: string; names: readonly string[] } | undefined;

  constructor(options: MapOptions) {
    this.#options = options;
    const { plan, root } = options;
    this.#areas = areasOf(plan);
    this.#counts = new AreaCounts(plan, this.#areas, (index) => this.#statusOf(index) === SeatStatus.available);
    const shared = {
      ...options,
      areas: this.#areas,
      free: (area: number) => this.#counts.free(area),
      own: (area: number) => [...this.#own].filter((index) => this.#counts.areaOf(index) === area).length,
      userId: () => this.#userId,
      matches: (index: number) => this.#counts.matches(index),
      onZoom: () => this.#renderToolbar(),
    };
    this.#filters = new FilterBar(options, (filter) => this.#filter(filter));
    this.#toolbar = new MapToolbar({
      onBack: () => this.#close(),
      onZoom: (direction) => this.#pane?.step(direction),
      onList: (isList) => this.#showList(isList),
    });
    this.#seats = new SeatView({
      ...shared,
      onFocus: (id) => this.#describe(id),
      onHover: (id) => this.#describe(id),
    });
    this.#list = new ListView({ ...shared, onFocus: (id) => this.#describe(id) });
    this.#caption.className = 'map-caption';
    this.#caption.setAttribute('aria-hidden', 'true'); // the name of the button contains it
    if (plan.size > smallPlan) {
      this.#overview = new Overview({
        ...shared,
        onOpen: (area) => this.#openArea(area, true),
        onFocus: (area) => this.#describeArea(area),
      });
    }
    root.classList.add('plan-map');
    root.addEventListener('keydown', (event) => this.#onKey(event));
    const views = [this.#overview?.viewport, this.#seats.viewport, this.#list.root].filter(
      (view) => view !== undefined,
    );
    root.replaceChildren(this.#filters.root, this.#toolbar.root, ...views, this.#caption);
    this.#renderViews();
    if (!this.#overview) this.#openWhole();
  }

  get filter(): SeatFilter {
    return this.#filters.filter;
  }

  /** Name of the section that the user has opened. */
  get section(): string | undefined {
    const { plan } = this.#options;
    const area = this.#areas[this.#open ?? -1];
    return area && this.#overview && this.#isChosen ? plan.sections[plan.sectionOf(area.start)]?.name : undefined;
  }

  /** Names of the categories in the section that the user has opened. */
  get sectionCategories(): readonly string[] | undefined {
    const { section } = this;
    const { plan } = this.#options;
    if (section === undefined) return undefined;
    if (this.#sectionCategories?.section !== section) {
      const inSection = [...plan.ids.keys()].filter((index) => plan.sections[plan.sectionOf(index)]?.name === section);
      const names = [...new Set(inSection.map((index) => plan.category(index)))];
      this.#sectionCategories = { section, names };
    }
    return this.#sectionCategories.names;
  }

  touch(id: string, byOthers = false): void {
    const index = this.#options.plan.indexOf(id);
    if (index === undefined) return;
    this.#counts.touch(index);
    this.#noteOwner(index);
    this.#list.touch(index);
    this.#activeButtons?.touch(id, byOthers);
  }

  focus(id?: string): void {
    const index = this.#options.plan.indexOf(id ?? '');
    if (index === undefined) {
      if (this.#isList) this.#list.root.querySelector('summary')?.focus();
      else if (this.#overview && this.#open === undefined) this.#overview.focus();
      else this.#seats.buttons.focus();
    } else if (this.#isList) {
      this.#list.focus(index);
    } else {
      this.#showSeats([index]);
      this.#seats.buttons.focus(id);
    }
  }

  /** Shows these seats, and leaves the focus where it is. */
  show(seatIds: readonly string[]): void {
    const indexes = seatIds.flatMap((id) => this.#options.plan.indexOf(id) ?? []);
    if (indexes.length === 0 || this.#isList) return;
    this.#showSeats(indexes);
    this.#seats.viewport.scrollIntoView({ block: 'nearest' });
  }

  /** The prices of the categories have changed: everything that shows them is drawn again with the next `render`. */
  touchPrices(): void {
    this.#filters.renderPrices();
    this.#isDrawn = false;
    this.#touchAll();
  }

  renderLive(isLive: boolean): void {
    this.#options.root.classList.toggle('dimmed', !isLive);
    this.#seats.renderLive(isLive);
  }

  render(userId: string): void {
    if (this.#userId !== userId) this.#takeUser(userId);
    const changed = new Set([...this.#counts.takeChanged(), ...this.#ownChangedIn]);
    if (!this.#isDrawn) for (const area of this.#areas.keys()) changed.add(area);
    this.#isDrawn = true;
    this.#ownChangedIn.clear();
    this.#overview?.draw(changed);
    this.#list.draw(changed);
    this.#activeButtons?.render();
  }

  renderTime(holds: readonly MapHold[], holdMs: number): void {
    if (!this.#isList) this.#seats.renderTime(holds, holdMs);
  }

  get #pane() {
    if (this.#isList) return undefined;
    return this.#overview && this.#open === undefined ? this.#overview.pane : this.#seats.pane;
  }

  get #activeButtons() {
    if (this.#isList) return this.#list.buttons;
    return this.#open === undefined && this.#overview ? undefined : this.#seats.buttons;
  }

  #statusOf(index: number): SeatStatus | undefined {
    return this.#options.seat(this.#options.plan.id(index))?.status;
  }

  #noteOwner(index: number): void {
    const seat = this.#options.seat(this.#options.plan.id(index));
    const isOwn = seat !== undefined && seat.status !== SeatStatus.available && seat.held_by === this.#userId;
    if (isOwn === this.#own.has(index)) return;
    if (isOwn) this.#own.add(index);
    else this.#own.delete(index);
    this.#ownChangedIn.add(this.#counts.areaOf(index));
  }

  #takeUser(userId: string): void {
    this.#userId = userId;
    for (let index = 0; index < this.#options.plan.size; index++) this.#noteOwner(index);
    this.#activeButtons?.touchAll();
  }

  #filter(filter: SeatFilter): void {
    this.#counts.filter(filter);
    this.#touchAll();
    this.#overview?.draw(this.#counts.takeChanged());
    this.#list.draw(this.#areas.keys());
    this.#activeButtons?.render();
  }

  #touchAll(): void {
    this.#activeButtons?.touchAll();
    for (let index = 0; index < this.#options.plan.size; index++) this.#list.touch(index);
  }

  #showSeats(indexes: readonly number[]): void {
    const [first = 0] = indexes;
    if (this.#overview && this.#open !== this.#counts.areaOf(first)) this.#openArea(this.#counts.areaOf(first), false);
    this.#seats.centre(indexes);
  }

  #openArea(index: number, takesFocus: boolean): void {
    const area = this.#areas[index];
    if (!area) return;
    this.#open = index;
    this.#isChosen = takesFocus;
    this.#renderViews();
    this.#seats.open(area, drawnUpright(this.#options.plan, area));
    this.#caption.textContent = '';
    if (takesFocus) this.#seats.buttons.focus(this.#firstFree(area));
  }

  /** All of a small plan. A plan of one section is turned towards the stage. */
  #openWhole(): void {
    const { plan } = this.#options;
    const whole: Area = { name: '', firstRow: 0, endRow: plan.rows.length, start: 0, end: plan.size };
    this.#open = undefined;
    this.#seats.open(whole, plan.sections.length === 1 ? drawnUpright(plan, whole) : drawnInPlace(plan, whole));
  }

  #close(): void {
    const area = this.#open;
    if (area === undefined || !this.#overview) return;
    this.#open = undefined;
    this.#seats.close();
    this.#renderViews();
    this.#overview.focus(area);
  }

  #showList(isList: boolean): void {
    if (this.#isList === isList) return;
    this.#isList = isList;
    this.#seats.close();
    this.#renderViews();
    const area = this.#areas[this.#open ?? -1];
    if (isList) this.#list.open(this.#areas.length === 1 ? 0 : this.#open);
    else {
      this.#list.close();
      if (area) this.#openArea(this.#open ?? 0, false);
      else if (!this.#overview) this.#openWhole();
    }
    this.#caption.textContent = '';
  }

  #renderViews(): void {
    if (this.#overview) this.#overview.viewport.hidden = this.#isList || this.#open !== undefined;
    this.#seats.viewport.hidden = this.#isList || (this.#overview !== undefined && this.#open === undefined);
    this.#list.root.hidden = !this.#isList;
    this.#renderToolbar();
  }

  #renderToolbar(): void {
    const { canGrow = false, canShrink = false } = this.#pane ?? {};
    const isOpen = this.#overview !== undefined && this.#open !== undefined && !this.#isList;
    const title = isOpen ? (this.#areas[this.#open ?? 0]?.name ?? '') : this.#overview ? 'All sections' : '';
    this.#toolbar.render({
      title,
      canGoBack: isOpen,
      isList: this.#isList,
      zoom: this.#pane && { canGrow, canShrink },
    });
  }

  /** The seat where a search starts: the first free one that matches the filter. */
  #firstFree({ start, end }: Area): string {
    const { plan } = this.#options;
    for (let index = start; index < end; index++) {
      if (this.#counts.matches(index) && this.#statusOf(index) === SeatStatus.available) return plan.id(index);
    }
    return plan.id(start);
  }

  #describe(id: string | undefined): void {
    const { plan, words, categories } = this.#options;
    const index = plan.indexOf(id ?? '');
    if (index === undefined) return;
    const category = categories.size > 1 ? plan.category(index) : undefined;
    const parts = [words.place(index), category, pricesByType(index, this.#options), words.flags(index)];
    setText(this.#caption, parts.filter(Boolean).join(' · '));
  }

  #describeArea(index: number | undefined): void {
    const area = this.#areas[index ?? -1];
    if (!area || index === undefined) return;
    setText(this.#caption, `${area.name} · ${this.#counts.free(index)} free · ${this.#overview?.prices(index) ?? ''}`);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey || event.metaKey || event.ctrlKey) return;
    if (event.key === '+' || event.key === '=') this.#pane?.step(1);
    else if (event.key === '-') this.#pane?.step(-1);
    else if (event.key === 'Escape' && this.#open !== undefined && !this.#isList) this.#close();
    else return;
    event.preventDefault();
  }
}
