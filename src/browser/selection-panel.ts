import { element, setAttribute, setDisabled, setFractionLeft, setText } from './dom.ts';
import { HoldList } from './hold-list.ts';
import { secondsLeft } from './server-clock.ts';
import { type ShownHold, urgentMs } from './shown-hold.ts';
import { seatCount } from './wording.ts';

export interface SelectionPanelOptions {
  onBook: (seatIds: string[]) => void;
  onRelease: (seatIds: string[]) => void;
  onChoose: (seatId: string) => void;
  /** What had the keyboard focus vanished from the panel. */
  onFocusLost: (seatId: string) => void;
}

export interface ShownHolds {
  holds: readonly ShownHold[];
  holdMs: number;
  maxHolds: number;
  isLive: boolean;
}

/** The user's held seats, their countdowns, and what can be done with them: with the chosen one, and with all. */
export class SelectionPanel {
  readonly #root = element('selected-info', HTMLElement);
  readonly #hint = element('hint', HTMLElement);
  readonly #seatId = element('selected-seat', HTMLElement);
  readonly #bookButton = element('book-btn', HTMLButtonElement);
  readonly #releaseButton = element('release-btn', HTMLButtonElement);
  readonly #timer = element('timer', HTMLElement);
  readonly #timerRing = element('timer-ring', HTMLElement);
  readonly #timerBar = element('timer-bar', HTMLElement);
  readonly #group = element('holds', HTMLElement);
  readonly #groupHeading = element('holds-heading', HTMLElement);
  readonly #groupTimer = element('holds-timer', HTMLElement);
  readonly #limitNote = element('limit-note', HTMLElement);
  readonly #bookAllButton = element('book-all-btn', HTMLButtonElement);
  readonly #releaseAllButton = element('release-all-btn', HTMLButtonElement);
  readonly #list: HoldList;
  readonly #options: SelectionPanelOptions;
  #shownIds: string[] = [];
  #chosenId: string | undefined;

  constructor(options: SelectionPanelOptions) {
    this.#options = options;
    this.#list = new HoldList(options.onChoose);
    this.#bookButton.addEventListener('click', () => this.#chosenId && options.onBook([this.#chosenId]));
    this.#releaseButton.addEventListener('click', () => this.#chosenId && options.onRelease([this.#chosenId]));
    this.#bookAllButton.addEventListener('click', () => options.onBook(this.#shownIds));
    this.#releaseAllButton.addEventListener('click', () => options.onRelease(this.#shownIds));
  }

  render(shown: ShownHolds): void {
    const chosen = shown.holds.find(({ isChosen }) => isChosen);
    const lastId = this.#chosenId;
    const focused = document.activeElement;
    const hadFocus = this.#root.contains(focused) || this.#group.contains(focused);
    this.#shownIds = shown.holds.map(({ seat }) => seat.id);
    this.#chosenId = chosen?.seat.id;
    this.#hint.hidden = chosen !== undefined;
    this.#renderGroup(shown);
    this.#renderChosen(chosen, shown);
    const isFocusLost = hadFocus && !(focused instanceof HTMLElement && focused.checkVisibility());
    const focusId = this.#chosenId ?? lastId;
    if (isFocusLost && focusId) this.#options.onFocusLost(focusId);
  }

  #renderGroup({ holds, holdMs, maxHolds, isLive }: ShownHolds): void {
    const isGroup = holds.length > 1;
    this.#group.hidden = !isGroup;
    this.#list.render(isGroup ? holds : [], holdMs);
    if (!isGroup) return;
    const remainingMs = Math.min(...holds.map((hold) => hold.remainingMs));
    const isBusy = holds.some((hold) => hold.isBusy);
    setText(this.#groupHeading, `You hold ${seatCount(holds.length)}`);
    setText(this.#groupTimer, remainingMs > 0 ? `${secondsLeft(remainingMs)} s` : 'Time is up');
    this.#groupTimer.classList.toggle('urgent', remainingMs <= urgentMs);
    setText(this.#limitNote, limitText(holds.length, maxHolds));
    this.#limitNote.classList.toggle('reached', holds.length >= maxHolds);
    setText(this.#bookAllButton, `Book all ${holds.length}`);
    setDisabled(this.#bookAllButton, isBusy || !isLive);
    setDisabled(this.#releaseAllButton, isBusy || !isLive);
  }

  #renderChosen(chosen: ShownHold | undefined, { holds, holdMs, isLive }: ShownHolds): void {
    this.#root.hidden = !chosen;
    if (!chosen) return;
    const { seat, remainingMs, isBusy } = chosen;
    const isOneOfSeveral = holds.length > 1;
    this.#root.classList.toggle('one-of-several', isOneOfSeveral);
    setText(this.#seatId, seat.id);
    setText(this.#bookButton, isOneOfSeveral ? `Book ${seat.id}` : 'Book seat');
    setText(this.#releaseButton, isOneOfSeveral ? `Release ${seat.id}` : 'Release');
    setText(this.#timer, remainingMs > 0 ? `${secondsLeft(remainingMs)} s` : 'Time is up');
    this.#root.classList.toggle('urgent', remainingMs <= urgentMs);
    setFractionLeft(this.#timerBar, remainingMs, holdMs);
    setFractionLeft(this.#timerRing, remainingMs, holdMs);
    for (const button of [this.#bookButton, this.#releaseButton]) {
      setDisabled(button, isBusy || !isLive);
      setAttribute(button, 'aria-busy', isBusy ? 'true' : undefined);
    }
  }
}

function limitText(count: number, maxHolds: number): string {
  if (count < maxHolds) return `${count} of at most ${maxHolds}. The time is that of the first to end.`;
  return `${count} of at most ${maxHolds}: book or release one to choose another.`;
}
