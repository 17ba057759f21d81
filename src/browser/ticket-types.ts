/** The part of `sessionStorage` that is used. */
type ChoiceStorage = Pick<Storage, 'getItem' | 'setItem'>;

interface TicketTypesOptions {
  /** Id of the show. */
  show: string;
  /** Types of the show now; the first is the default. */
  types: () => readonly string[];
  /** Throws where the browser keeps nothing. */
  storage: () => ChoiceStorage;
}

/** The ticket type that the user has chosen for each held seat of a show. It is kept over a reload, and ends with the hold. */
export class TicketTypes {
  readonly #options: TicketTypesOptions;
  readonly #key: string;
  readonly #chosen: Map<string, string>;
  #heldIds: readonly string[] = [];

  constructor(options: TicketTypesOptions) {
    this.#options = options;
    this.#key = `ticket-types:${options.show}`;
    this.#chosen = this.#stored();
  }

  /** undefined: the show has no ticket types. */
  typeOf(seatId: string): string | undefined {
    const types = this.#options.types();
    const chosen = this.#chosen.get(seatId);
    return chosen !== undefined && types.includes(chosen) ? chosen : types[0];
  }

  choose(seatId: string, type: string): void {
    this.#chosen.set(seatId, type);
    this.#store();
  }

  /** Forgets the choices for seats that were held before, and are not any more. */
  takeHeld(heldIds: readonly string[]): void {
    const ended = this.#heldIds.filter((id) => !heldIds.includes(id) && this.#chosen.has(id));
    this.#heldIds = heldIds;
    if (ended.length === 0) return;
    for (const id of ended) this.#chosen.delete(id);
    this.#store();
  }

  #stored(): Map<string, string> {
    try {
      const stored: unknown = JSON.parse(this.#options.storage().getItem(this.#key) ?? '{}');
      if (typeof stored !== 'object' || stored === null) return new Map();
      return new Map(Object.entries(stored).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    } catch {
      return new Map();
    }
  }

  #store(): void {
    try {
      this.#options.storage().setItem(this.#key, JSON.stringify(Object.fromEntries(this.#chosen)));
    } catch {
      // The choice then ends with the page.
    }
  }
}
