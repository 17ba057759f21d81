import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { InspectedShows } from './inspected-service.ts';
import { Inspector } from './inspector.ts';
import type { InspectLimits } from './limits.ts';
import type { OrderWatches } from './order-watches.ts';
import { SaleLines } from './sale-lines.ts';

interface InspectorsOptions {
  shows: InspectedShows;
  logger: Logger;
  /** Name of this process. */
  node: string;
  limits: InspectLimits;
  /** Absent: there is no checkout. */
  orders?: OrderWatches | undefined;
}

/** An inspector for each show that ever had a viewer. */
export class Inspectors {
  readonly #options: InspectorsOptions;
  readonly #inspectors = new Map<string, Inspector>();
  /** By show. The lines of a long sale take some 15 MB. */
  readonly #lines: LRUCache<string, SaleLines>;

  constructor(options: InspectorsOptions) {
    this.#options = options;
    this.#lines = new LRUCache({ max: options.limits.keptHistories });
  }

  /** Without an id: of the default show. Throws a `RefusedError` UNKNOWN_SHOW. */
  of(showId: string | undefined): Inspector {
    const { shows, ...rest } = this.#options;
    const { show, service } = shows.get(showId);
    const known = this.#inspectors.get(show.id);
    if (known) return known;
    const inspector = new Inspector({ ...rest, show, service, viewersOfProcess: () => this.#viewers });
    this.#inspectors.set(show.id, inspector);
    return inspector;
  }

  history(showId: string | undefined): Promise<Buffer[]> {
    const { id } = this.#options.shows.get(showId).show;
    return this.of(id).history((log) => {
      const lines = this.#lines.get(id) ?? new SaleLines(log);
      this.#lines.set(id, lines);
      return lines;
    });
  }

  end(): void {
    for (const inspector of this.#inspectors.values()) inspector.end();
  }

  get #viewers(): number {
    return [...this.#inspectors.values()].reduce((sum, { viewers }) => sum + viewers, 0);
  }
}
