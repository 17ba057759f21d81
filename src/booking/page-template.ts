import { createHash } from 'node:crypto';

/** A page, split once at the comments that mark the places for its content: `<!-- seats -->`. */
export class PageTemplate<Place extends string> {
  /** Differs for different pages. */
  readonly hash: string;
  /** Texts and names of places, alternating. */
  readonly #pieces: readonly string[];

  /** Throws if a place is missing. */
  constructor(html: string, places: readonly Place[]) {
    this.hash = createHash('sha256').update(html).digest('hex').slice(0, 12);
    this.#pieces = html.split(new RegExp(`<!-- (${places.join('|')}) -->`));
    const missing = places.filter((place) => !this.#pieces.includes(place));
    if (missing.length > 0) throw new Error(`The page has no place for ${missing.join(', ')}`);
  }

  /** The contents must be HTML. */
  fill(contents: Readonly<Record<Place, string | number>>): string {
    const byPlace = new Map<string, string | number>(Object.entries(contents));
    return this.#pieces.map((piece, index) => (index % 2 === 0 ? piece : byPlace.get(piece))).join('');
  }
}
