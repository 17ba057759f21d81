import type { FeedMessage } from '../inspect/feed.ts';
import { inspectPath } from '../inspect/inspect-path.ts';

/** `paused`: other pages use all connections that a browser allows to one server. */
export type FeedStatus = 'connecting' | 'open' | 'refused' | 'paused';

/** `seats`: a comma list, or `all`. `show`: by default the default show. `node`: the process to watch, by default any. */
export interface WantedFeed {
  seats: string;
  show: string | undefined;
  node: string | undefined;
}

/** Messages of a page to the hub. `shown` and `hidden` follow its visibility. */
export type FeedRequest = ({ type: 'open' } & WantedFeed) | { type: 'shown' } | { type: 'hidden' } | { type: 'close' };

export type FeedReply = { type: 'status'; status: FeedStatus } | { type: 'message'; message: FeedMessage };

/** A browser opens six connections to a host over HTTP/1.1 for all its tabs; some must stay free for requests. */
const maxStreams = 3;
const retryMs = 1_000;

interface Page {
  port: MessagePort;
  /** The wanted feed. */
  path: string | undefined;
  isShown: boolean;
  shownNth: number;
  /** True if the page has received its feed from the start. */
  isFed: boolean;
}

interface Stream {
  source: EventSource;
  retry: ReturnType<typeof setTimeout> | undefined;
}

/** Shares feeds between all pages of a browser. Closes a feed while no visible page shows it. */
export class FeedHub {
  readonly #pages = new Set<Page>();
  readonly #streams = new Map<string, Stream>();
  #shown = 0;
  #isUpdateDue = false;

  connect(port: MessagePort): void {
    const page: Page = { port, path: undefined, isShown: false, shownNth: 0, isFed: false };
    this.#pages.add(page);
    port.onmessage = ({ data }: MessageEvent<FeedRequest>) => this.#take(page, data);
  }

  #take(page: Page, request: FeedRequest): void {
    switch (request.type) {
      case 'open':
        page.path = feedPath(request);
        page.isFed = false;
        break;
      case 'shown':
        page.isShown = true;
        page.shownNth = ++this.#shown;
        break;
      case 'hidden':
        page.isShown = false;
        break;
      case 'close':
        this.#pages.delete(page);
        page.port.close();
    }
    this.#updateSoon();
  }

  /** Combines the requests of pages that start together. */
  #updateSoon(): void {
    if (this.#isUpdateDue) return;
    this.#isUpdateDue = true;
    setTimeout(() => {
      this.#isUpdateDue = false;
      this.#update();
    });
  }

  #update(): void {
    const shown = [...this.#pages].filter(({ isShown }) => isShown).sort((a, b) => b.shownNth - a.shownNth);
    const paths = new Set(shown.flatMap(({ path }) => path ?? []));
    const wanted = new Set([...paths].slice(0, maxStreams));
    for (const path of this.#streams.keys()) if (!wanted.has(path)) this.#close(path);
    for (const path of wanted) {
      // A new page needs all earlier messages: reopens the feed for all its pages.
      const isComplete = shown.every((page) => page.path !== path || page.isFed);
      if (!this.#streams.has(path) || !isComplete) this.#open(path);
    }
    for (const page of shown)
      if (page.path && !wanted.has(page.path)) reply(page, { type: 'status', status: 'paused' });
  }

  #open(path: string): void {
    this.#close(path);
    for (const page of this.#pages) if (page.path === path) page.isFed = true;
    this.#notify(path, { type: 'status', status: 'connecting' });
    const source = new EventSource(path);
    const stream: Stream = { source, retry: undefined };
    this.#streams.set(path, stream);
    source.onopen = () => this.#notify(path, { type: 'status', status: 'open' });
    source.onmessage = ({ data }) => this.#notify(path, { type: 'message', message: JSON.parse(data) as FeedMessage });
    source.onerror = () => {
      // A browser reconnects by itself, but not after an HTTP error.
      const isRefused = source.readyState === EventSource.CLOSED;
      this.#notify(path, { type: 'status', status: isRefused ? 'refused' : 'connecting' });
      if (isRefused) stream.retry = setTimeout(() => this.#open(path), retryMs);
    };
  }

  #close(path: string): void {
    const stream = this.#streams.get(path);
    if (!stream) return;
    clearTimeout(stream.retry);
    stream.source.close();
    this.#streams.delete(path);
    for (const page of this.#pages) if (page.path === path) page.isFed = false;
  }

  #notify(path: string, message: FeedReply): void {
    for (const page of this.#pages) if (page.path === path && page.isFed) reply(page, message);
  }
}

const feedPath = ({ show, seats, node }: WantedFeed): string => inspectPath('feed', { show, seats, node });

function reply({ port }: Page, message: FeedReply): void {
  port.postMessage(message);
}
