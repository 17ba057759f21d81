import type { FeedMessage } from '../inspect/feed.ts';
import { FeedHub, type FeedReply, type FeedRequest, type FeedStatus, type WantedFeed } from './feed-hub.ts';

interface FeedSourceOptions {
  onMessage: (message: FeedMessage) => void;
  onStatus: (status: FeedStatus) => void;
}

/** The feed of some seats in one process. It reconnects by itself and then starts with all messages again. */
export class FeedSource {
  readonly #options: FeedSourceOptions;
  #port: MessagePort | undefined;
  #wanted: FeedRequest | undefined;

  constructor(options: FeedSourceOptions) {
    this.#options = options;
    document.addEventListener('visibilitychange', () => this.#tellVisibility());
    // Of several visible windows, the focused one has priority.
    addEventListener('focus', () => this.#tellVisibility());
    addEventListener('pagehide', () => this.#close());
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted && this.#wanted) this.#send(this.#wanted);
    });
  }

  open(wanted: WantedFeed): void {
    this.#wanted = { type: 'open', ...wanted };
    this.#options.onStatus('connecting');
    this.#send(this.#wanted);
  }

  #send(request: FeedRequest): void {
    this.#port ??= this.#connect();
    this.#port.postMessage(request);
  }

  #connect(): MessagePort {
    const port = hubPort(() => {
      this.#port = this.#listen(ownHubPort());
      if (this.#wanted) this.#port.postMessage(this.#wanted);
    });
    return this.#listen(port);
  }

  #listen(port: MessagePort): MessagePort {
    const { onMessage, onStatus } = this.#options;
    port.onmessage = ({ data }: MessageEvent<FeedReply>) => {
      if (data.type === 'status') onStatus(data.status);
      else onMessage(data.message);
    };
    port.postMessage(visibility());
    return port;
  }

  #tellVisibility(): void {
    if (this.#wanted) this.#send(visibility());
  }

  #close(): void {
    this.#port?.postMessage({ type: 'close' } satisfies FeedRequest);
    this.#port = undefined;
  }
}

const visibility = (): FeedRequest => ({ type: document.hidden ? 'hidden' : 'shown' });

/** The port of the hub that all pages of the browser share, or of an own hub in a browser without shared workers. */
function hubPort(onFailed: () => void): MessagePort {
  if (!('SharedWorker' in globalThis)) return ownHubPort();
  const worker = new SharedWorker('/inspect/assets/feed-worker.js', { type: 'module', name: 'inspect feed' });
  worker.onerror = onFailed;
  return worker.port;
}

function ownHubPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  new FeedHub().connect(port2);
  return port1;
}
