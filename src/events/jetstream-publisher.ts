import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { endOfTurn } from '../process/end-of-turn.ts';
import { errorOf } from '../process/error-facts.ts';
import type { Delivery } from './event-bus.ts';

/** In the reply subject of a message that only tests whether JetStream stores. */
const trialMark = '.trial-';

export interface Message {
  subject: string;
  body: string;
  /** JetStream stores only the first message with this id. */
  id: string;
  /** Sent as a header. Absent: there is no such header. */
  traceparent?: string;
}

interface Waiting {
  message: Message;
  resolve: () => void;
  reject: (error: Error) => void;
  untilMs: number;
}

/**
 * Publishes to JetStream over one connection: all messages of one turn of the event loop in one write, and one subscription for every acknowledgement.
 * A request of the client library per message costs several times as much: a timer, and two errors with their stacks, created in advance.
 */
export class JetStreamPublisher {
  readonly #nats: NatsConnection;
  readonly #inbox: string;
  readonly #ackTimeoutMs: number;
  /** By the part of the reply subject after the inbox, in the order of publishing. */
  readonly #waiting = new Map<string, Waiting>();
  #unsent: string[] = [];
  #published = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(nats: NatsConnection, ackTimeoutMs: number) {
    this.#nats = nats;
    this.#inbox = createInbox();
    this.#ackTimeoutMs = ackTimeoutMs;
    nats.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#receive(error, message) });
  }

  /**
   * Resolves when JetStream has stored the message. Rejects with a `StoringRefusedError` if JetStream refuses to, with another error if it does not
   * reply in time. `isTrial`: the message tests whether JetStream stores, so its receivers do not count it as stored.
   */
  publish(message: Message, { isTrial = false } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const token = `${isTrial ? trialMark : '.'}${++this.#published}`;
      this.#waiting.set(token, { message, resolve, reject, untilMs: performance.now() + this.#ackTimeoutMs });
      this.#timer ??= setTimeout(() => this.#giveUpOverdue(), this.#ackTimeoutMs);
      if (this.#unsent.length === 0) endOfTurn(() => this.flush());
      this.#unsent.push(token);
    });
  }

  /** Hands the messages that wait for the end of the turn to the connection. */
  flush(): void {
    const tokens = this.#unsent;
    this.#unsent = [];
    for (const token of tokens) {
      const waiting = this.#waiting.get(token);
      if (waiting) this.#send(token, waiting);
    }
  }

  /** Rejects the messages that are not acknowledged. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.values()) reject(new Error('The connection is closed'));
    this.#waiting.clear();
  }

  #send(token: string, { message, reject }: Waiting): void {
    const { subject, body } = message;
    try {
      this.#nats.publish(subject, body, { headers: headersOf(message), reply: this.#inbox + token });
    } catch (error) {
      this.#waiting.delete(token);
      reject(errorOf(error));
    }
  }

  #receive(error: Error | null, message: Msg): void {
    if (error) return; // of the subscription: the messages time out
    const token = message.subject.slice(this.#inbox.length);
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

/** JetStream stores a message with this header once, however often it is published. The client library's own headers cost three times as much. */
export function headersOf({ id, traceparent }: Message): MsgHdrs {
  const trace = traceparent === undefined ? '' : `traceparent: ${traceparent}\r\n`;
  const encoded = { encode: () => Buffer.from(`NATS/1.0\r\nNats-Msg-Id: ${id}\r\n${trace}\r\n`) };
  return encoded as unknown as MsgHdrs; // publishing uses no other member
}

/** `stored` if the publisher of a received message expects JetStream to store it and retries until then. */
export function intendedDelivery({ reply }: Msg): Delivery {
  return reply && !reply.includes(trialMark) ? 'stored' : 'sent';
}

/** JetStream replied that it does not store the message. */
export class StoringRefusedError extends Error {
  override name = 'StoringRefusedError';
}

/** The reply is `{"stream": …, "seq": …}` or `{"error": …}`. Without a body (status 503) no stream has this subject. */
function failureIn(message: Msg): Error | undefined {
  if (message.data.length === 0) return new Error('There is no stream');
  try {
    const { error } = message.json<{ error?: { description?: string } }>();
    return error && new StoringRefusedError(error.description ?? 'JetStream refused it');
  } catch {
    return new Error('The reply is not an acknowledgement');
  }
}
