/** A limited number of places, with a limit for each address. */
export class Places {
  readonly #total: number;
  readonly #perAddress: number;
  readonly #taken = new Map<string, number>();
  #count = 0;

  constructor({ total, perAddress }: { total: number; perAddress: number }) {
    this.#total = total;
    this.#perAddress = perAddress;
  }

  /** Returns a function that frees the place, to be called once; undefined if no place is free. */
  take(address: string): (() => void) | undefined {
    const taken = this.#taken.get(address) ?? 0;
    if (this.#count >= this.#total || taken >= this.#perAddress) return undefined;
    this.#count++;
    this.#taken.set(address, taken + 1);
    return () => this.#giveBack(address);
  }

  #giveBack(address: string): void {
    const left = (this.#taken.get(address) ?? 0) - 1;
    this.#count--;
    if (left > 0) this.#taken.set(address, left);
    else this.#taken.delete(address);
  }
}
