import { createHash } from 'node:crypto';

const places = ['seats', 'available', 'total', 'held', 'booked', 'hold_seconds', 'max_holds'] as const;
type Place = (typeof places)[number];

/** index.html, split once at the comments that mark the places for content of the venue: `<!-- seats -->`. */
export class PageTemplate {
  /** Differs for different pages. */
  readonly hash: string;
  /** Texts and names of places, alternating. */
  readonly #pieces: readonly string[];

  /** Throws if a place is missing. */
  constructor(html: string) {
    this.hash = createHash('sha256').update(html).digest('hex').slice(0, 12);
    this.#pieces = html.split(new RegExp(`<!-- (${places.join('|')}) -->`));
    const missing = places.filter((place) => !this.#pieces.includes(place));
    if (missing.length > 0) throw new Error(`index.html has no place for ${missing.join(', ')}`);
  }

  /** The contents must be HTML. */
  fill(contents: Readonly<Record<Place, string | number>>): string {
    const byPlace = new Map<string, string | number>(Object.entries(contents));
    return this.#pieces.map((piece, index) => (index % 2 === 0 ? piece : byPlace.get(piece))).join('');
  }
}
