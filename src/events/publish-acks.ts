import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';

interface Waiting {
  resolve: () => void;
  reject: (error: Error) => void;
  untilMs: number;
}

/**
 * JetStream's acknowledgements of what one connection publishes, heard by one subscription. A request of the client library for
 * each would cost several times as much: a timer, and two errors with their stacks, made in advance.
 */
export class PublishAcks {
  readonly #inbox: string;
  readonly #timeoutMs: number;
  /** By the last token of the reply subject, in the order of publishing. */
  readonly #waiting = new Map<string, Waiting>();
  #published = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(nats: NatsConnection, timeoutMs: number) {
    this.#inbox = createInbox();
    this.#timeoutMs = timeoutMs;
    nats.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#hear(error, message) });
  }

  /** Where to have an acknowledgement sent, and a promise of it that rejects where it does not come in time or is none. */
  next(): { reply: string; acknowledged: Promise<void> } {
    const token = String(++this.#published);
    const acknowledged = new Promise<void>((resolve, reject) => {
      this.#waiting.set(token, { resolve, reject, untilMs: performance.now() + this.#timeoutMs });
    });
    this.#timer ??= setTimeout(() => this.#giveUpOverdue(), this.#timeoutMs);
    return { reply: `${this.#inbox}.${token}`, acknowledged };
  }

  /** Nothing more will be heard. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.values()) reject(new Error('The connection is closed'));
    this.#waiting.clear();
  }

  #hear(error: Error | null, message: Msg): void {
    if (error) return; // of the subscription: whoever waits gives up in time
    const token = message.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(token);
    if (!waiting) return;
    this.#waiting.delete(token);
    const failure = failureIn(message);
    if (failure === undefined) waiting.resolve();
    else waiting.reject(new Error(failure));
  }

  #giveUpOverdue(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [token, { reject, untilMs }] of this.#waiting) {
      if (untilMs > nowMs) {
        this.#timer = setTimeout(() => this.#giveUpOverdue(), untilMs - nowMs);
        return;
      }
      this.#waiting.delete(token);
      reject(new Error('No acknowledgement in time'));
    }
  }
}

/** `{"stream": …, "seq": …}`, or `{"error": …}`; without a body, status 503: there is no stream for this subject. */
function failureIn(message: Msg): string | undefined {
  if (message.data.length === 0) return 'There is no stream';
  try {
    const { error } = message.json<{ error?: { description?: string } }>();
    return error && (error.description ?? 'JetStream refused it');
  } catch {
    return 'What came is no acknowledgement';
  }
}
