import { createHash } from 'node:crypto';

const places = ['seats', 'available', 'total', 'held', 'booked', 'hold_seconds', 'max_holds'] as const;
type Place = (typeof places)[number];

/** index.html, cut once at the comments that mark where something of the venue goes: `<!-- seats -->`. */
export class PageTemplate {
  /** Another for another page. */
  readonly hash: string;
  /** Text and names of places in turn. */
  readonly #pieces: readonly string[];

  /** Throws where a place is missing. */
  constructor(html: string) {
    this.hash = createHash('sha256').update(html).digest('hex').slice(0, 12);
    this.#pieces = html.split(new RegExp(`<!-- (${places.join('|')}) -->`));
    const missing = places.filter((place) => !this.#pieces.includes(place));
    if (missing.length > 0) throw new Error(`index.html has no place for ${missing.join(', ')}`);
  }

  /** What is put in has to be HTML already. */
  fill(contents: Readonly<Record<Place, string | number>>): string {
    const byPlace = new Map<string, string | number>(Object.entries(contents));
    return this.#pieces.map((piece, index) => (index % 2 === 0 ? piece : byPlace.get(piece))).join('');
  }
}
