import type { IncomingHttpHeaders } from 'node:http';
import autocannon from 'autocannon';

export interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

/** The requests of one connection, one after another. */
export interface Conversation {
  readonly first: HttpRequest;
  /** Returns the next request; undefined repeats the last one. `latencyMs`: from the last byte sent to the last byte received. */
  answered(answer: HttpAnswer): HttpRequest | undefined;
  /** There was no reply: `timeout`, `connection lost`, or the `end` of the run. Unless the run ends, the same request is sent again. */
  unanswered(why: string): void;
}

export interface HttpAnswer {
  status: number;
  body: string;
  latencyMs: number;
  headers: IncomingHttpHeaders;
}

export interface ClosedLoopOptions {
  urls: string[];
  connections: number;
  durationS: number;
  converse: (connection: number) => Conversation;
  signal: AbortSignal;
}

/** Requests by autocannon: each connection sends the next request as soon as it has the reply. */
export async function closedLoop({ urls, connections, durationS, converse, signal }: ClosedLoopOptions): Promise<void> {
  if (signal.aborted) return; // the event `abort` was emitted before
  const conversations: Conversation[] = [];
  const setupClient = (client: autocannon.Client) => {
    const conversation = converse(conversations.length);
    conversations.push(conversation);
    let answer: Omit<HttpAnswer, 'latencyMs'> | undefined;
    const toRequest = (request: HttpRequest): autocannon.Request => ({
      ...request,
      headers: { ...(request.body !== undefined && { 'content-type': 'application/json' }), ...request.headers },
      onResponse: (status, body, _context, headers) => {
        answer = { status, body, headers: headers ?? {} };
      },
    });
    client.setRequests([toRequest(conversation.first)]);
    client.on('response', (_status: number, _bytes: number, latencyMs: number) => {
      if (!answer) return;
      const next = conversation.answered({ ...answer, latencyMs });
      answer = undefined;
      // autocannon reads it right after this event.
      if (next) client.setRequests([toRequest(next)]);
    });
    const events: NodeJS.EventEmitter = client; // its types know only some of its events
    events.on('timeout', () => conversation.unanswered('timeout'));
    events.on('connError', () => conversation.unanswered('connection lost'));
  };
  await new Promise<void>((resolve, reject) => {
    const url = urls as unknown as string; // its types know only one URL
    const run = autocannon({ url, connections, duration: durationS, setupClient }, (error) => {
      signal.removeEventListener('abort', stop);
      if (error) reject(error);
      else resolve();
    });
    const stop = () => run.stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  for (const conversation of conversations) conversation.unanswered('end');
}
