import type { FeedMessage } from '../inspect/feed.ts';

export type FeedStatus = 'connecting' | 'open' | 'refused';

interface FeedSourceOptions {
  onMessage: (message: FeedMessage) => void;
  onStatus: (status: FeedStatus) => void;
}

const retryMs = 1_000;

/** The feed of some seats of one process. It comes back by itself, and then tells everything anew. */
export class FeedSource {
  readonly #options: FeedSourceOptions;
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FeedSourceOptions) {
    this.#options = options;
  }

  /** `seats`: `all`, or a comma list. `node`: the process to watch; without one, any. */
  open(seats: string, node?: string): void {
    this.close();
    const { onMessage, onStatus } = this.#options;
    onStatus('connecting');
    const source = new EventSource(`/inspect/feed?${new URLSearchParams({ seats, ...(node && { node }) })}`);
    this.#source = source;
    source.onopen = () => onStatus('open');
    source.onmessage = ({ data }) => onMessage(JSON.parse(data) as FeedMessage);
    source.onerror = () => {
      // A browser tries again by itself, but not where it was answered with an error.
      const isRefused = source.readyState === EventSource.CLOSED;
      onStatus(isRefused ? 'refused' : 'connecting');
      if (isRefused) this.#retry = setTimeout(() => this.open(seats, node), retryMs);
    };
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
  }
}
