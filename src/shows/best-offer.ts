import type { Block } from './free-seats.ts';

/** Greater digits of a rank count as the greatest. */
const base = 1_024;

/** One number for several reasons, of which the first counts most. A smaller one is better. */
export function rankOf(first: number, second: number, third: number, fourth: number, fifth = 0): number {
  const upper = first * base * base + capped(second) * base + capped(third);
  return upper * base * base + capped(fourth) * base + capped(fifth);
}

const capped = (digit: number): number => Math.min(digit, base - 1);

/** Keeps the best of the offers. Of several that are equally good, the seed decides, whatever their order. */
export class BestOffer {
  readonly #seed: number;
  #rank = Number.POSITIVE_INFINITY;
  #draw = 0;
  #blocks: readonly Block[] | undefined;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get blocks(): readonly Block[] | undefined {
    return this.#blocks;
  }

  /** False if an offer of this rank would not be kept. */
  mayKeep(rank: number): boolean {
    return rank <= this.#rank;
  }

  add(rank: number, blocks: readonly Block[]): void {
    if (!this.mayKeep(rank)) return;
    const draw = blocks.reduce((mixed, { start }) => mix(mixed ^ start), mix(this.#seed));
    if (rank === this.#rank && draw >= this.#draw) return;
    this.#rank = rank;
    this.#draw = draw;
    this.#blocks = blocks;
  }
}

/** Every bit of the result depends on every bit of the argument (the finalizer of MurmurHash3). */
function mix(value: number): number {
  const first = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return (second ^ (second >>> 16)) >>> 0;
}
