import type { HubClient } from './seat-stream.ts';
import type { WatchedShow } from './watched-show.ts';
import type { WatchedShows } from './watched-shows.ts';

/** The show that one connection watches: one at a time, at first the default show. */
export class CurrentShow {
  readonly #shows: WatchedShows;
  readonly #client: HubClient & { readonly isOpen: boolean };
  #show: WatchedShow;
  /** Pending while the connection waits for another show. */
  #moving: Promise<void> | undefined;

  constructor(shows: WatchedShows, client: HubClient & { readonly isOpen: boolean }) {
    this.#shows = shows;
    this.#client = client;
    this.#show = shows.default;
    this.#show.hub.add(client);
  }

  get show(): WatchedShow {
    return this.#show;
  }

  /** Settles when the move that is pending has succeeded or failed, with its error. Undefined: none is pending. */
  get arrived(): Promise<void> | undefined {
    return this.#moving;
  }

  /** Whether the connection may change shows before it enters this one. */
  isMove(id: string | undefined): boolean {
    return this.#moving !== undefined || (id !== undefined && id !== this.#show.id);
  }

  /**
   * Moves to a show, then calls `then`, at once if the connection is there already. Without an id it stays. `failed` is
   * called with the errors of `WatchedShows.enter`; the connection then stays where it is.
   */
  enter(id: string | undefined, then: () => void, failed: (error: unknown) => void): void {
    if (!this.isMove(id)) {
      then();
      return;
    }
    const moving = this.#moved(this.#moving, id, then);
    this.#moving = moving;
    const ended = () => {
      if (this.#moving === moving) this.#moving = undefined;
    };
    moving.catch(failed).then(ended);
  }

  leave(): void {
    this.#show.hub.remove(this.#client);
  }

  async #moved(earlier: Promise<void> | undefined, id: string | undefined, then: () => void): Promise<void> {
    await earlier?.catch(() => {}); // it has its own `failed`
    await this.#shows.enter(id ?? this.#show.id, (show) => {
      if (!this.#client.isOpen) return;
      if (show !== this.#show) {
        this.#show.hub.remove(this.#client);
        this.#show = show;
        show.hub.add(this.#client);
      }
      then();
    });
  }
}
