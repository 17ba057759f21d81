const maxIdLength = 32;

/** The text without control characters and outer spaces, truncated to the maximum length. */
export function cleanName(text: string, fallback: string, maxLength: number): string {
  const clean = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return clean.slice(0, maxLength).trim() || fallback;
}

/** Names that occur once: a repeated one gets a number. */
export class UniqueNames {
  readonly #taken = new Set<string>();
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  unique(text: string, fallback: string): string {
    const name = cleanName(text, fallback, this.#maxLength);
    let unique = name;
    for (let number = 2; this.#taken.has(unique); number++) {
      const suffix = ` (${number})`;
      unique = `${name.slice(0, this.#maxLength - suffix.length)}${suffix}`;
    }
    this.#taken.add(unique);
    return unique;
  }
}

/** Ids that are valid and occur once. Valid ones stay as they are; a UUID loses its hyphens. */
export class UniqueSeatIds {
  readonly #taken = new Set<string>();
  #changed = 0;

  /** Number of ids that had to change. */
  get changed(): number {
    return this.#changed;
  }

  unique(guid: string): string {
    const clean = guid.replace(/[^A-Za-z0-9-]+/g, '-').replace(/^-+|-+$/g, '');
    const short = clean.length > maxIdLength ? clean.replaceAll('-', '') : clean;
    let id = guid.length <= maxIdLength && /^[A-Za-z0-9][A-Za-z0-9-]*$/.test(guid) ? guid : short;
    for (let number = this.#taken.size + 1; id === '' || id.length > maxIdLength || this.#taken.has(id); number++) {
      id = `S${number}`;
    }
    this.#taken.add(id);
    if (id !== guid) this.#changed++;
    return id;
  }
}
