import { createInbox, headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { endOfTurn } from '../process/end-of-turn.ts';

export interface Message {
  subject: string;
  body: string;
  /** JetStream keeps only the first of those with the same. */
  id: string;
}

interface Waiting {
  message: Message;
  resolve: () => void;
  reject: (error: Error) => void;
  untilMs: number;
}

/**
 * Publishes to JetStream over one connection, all of a turn of the event loop in one write, with one subscription for every acknowledgement. A
 * request of the client library for each would cost several times as much: a timer, and two errors with their stacks, made in advance.
 */
export class JetStreamPublisher {
  readonly #nats: NatsConnection;
  readonly #inbox: string;
  readonly #ackTimeoutMs: number;
  /** By the last token of the reply subject, in the order of publishing. */
  readonly #waiting = new Map<string, Waiting>();
  #unsent: string[] = [];
  #published = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(nats: NatsConnection, ackTimeoutMs: number) {
    this.#nats = nats;
    this.#inbox = createInbox();
    this.#ackTimeoutMs = ackTimeoutMs;
    nats.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#hear(error, message) });
  }

  /** Resolves when JetStream has stored it; rejects with a `StoringRefusedError` where it says that it did not, else where it says nothing in time. */
  publish(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      const token = String(++this.#published);
      this.#waiting.set(token, { message, resolve, reject, untilMs: performance.now() + this.#ackTimeoutMs });
      this.#timer ??= setTimeout(() => this.#giveUpOverdue(), this.#ackTimeoutMs);
      if (this.#unsent.length === 0) endOfTurn(() => this.flush());
      this.#unsent.push(token);
    });
  }

  /** Hands over to the connection what waits for the end of the turn. */
  flush(): void {
    const tokens = this.#unsent;
    this.#unsent = [];
    for (const token of tokens) {
      const waiting = this.#waiting.get(token);
      if (waiting) this.#send(token, waiting);
    }
  }

  /** Nothing more will be heard. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.values()) reject(new Error('The connection is closed'));
    this.#waiting.clear();
  }

  #send(token: string, { message: { subject, body, id }, reject }: Waiting): void {
    try {
      this.#nats.publish(subject, body, { headers: idHeader(id), reply: `${this.#inbox}.${token}` });
    } catch (error) {
      this.#waiting.delete(token);
      reject(error as Error);
    }
  }

  #hear(error: Error | null, message: Msg): void {
    if (error) return; // of the subscription: whoever waits gives up in time
    const token = message.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(token);
    if (!waiting) return;
    this.#waiting.delete(token);
    const failure = failureIn(message);
    if (failure === undefined) waiting.resolve();
    else waiting.reject(failure);
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

/** Lets JetStream store a message once, however often it is published. */
export function idHeader(id: string): MsgHdrs {
  const messageHeaders = headers();
  messageHeaders.set('Nats-Msg-Id', id);
  return messageHeaders;
}

/** JetStream replied that it does not store the message. */
export class StoringRefusedError extends Error {
  override name = 'StoringRefusedError';
}

/** `{"stream": …, "seq": …}`, or `{"error": …}`; without a body, status 503: there is no stream for this subject. */
function failureIn(message: Msg): Error | undefined {
  if (message.data.length === 0) return new Error('There is no stream');
  try {
    const { error } = message.json<{ error?: { description?: string } }>();
    return error && new StoringRefusedError(error.description ?? 'JetStream refused it');
  } catch {
    return new Error('What came is no acknowledgement');
  }
}
