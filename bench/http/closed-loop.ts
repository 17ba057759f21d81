import autocannon from 'autocannon';

export interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

/** What one connection asks, one request after the other. */
export interface Conversation {
  readonly first: HttpRequest;
  /** The next request; nothing: the same again. `latencyMs` from the last byte sent to the last byte received. */
  answered(answer: HttpAnswer): HttpRequest | undefined;
  /** No answer came: `timeout`, `connection lost`, or the end of the run. The same request is sent again, but at the end. */
  unanswered(why: string): void;
}

export interface HttpAnswer {
  status: number;
  body: string;
  latencyMs: number;
  headers: Record<string, string | string[] | undefined>;
}

export interface ClosedLoopOptions {
  urls: string[];
  connections: number;
  durationS: number;
  converse: (connection: number) => Conversation;
  signal: AbortSignal;
}

/** Requests by autocannon: each connection asks again as soon as it has been answered. */
export async function closedLoop({ urls, connections, durationS, converse, signal }: ClosedLoopOptions): Promise<void> {
  if (signal.aborted) return; // the event is over
  const conversations: Conversation[] = [];
  const setupClient = (client: autocannon.Client) => {
    const conversation = converse(conversations.length);
    conversations.push(conversation);
    let answer: Omit<HttpAnswer, 'latencyMs'> | undefined;
    const toRequest = (request: HttpRequest): autocannon.Request => ({
      ...request,
      headers: { ...(request.body !== undefined && { 'content-type': 'application/json' }), ...request.headers },
      onResponse: (status, body, _context, headers) => {
        answer = { status, body, headers: headers as HttpAnswer['headers'] };
      },
    });
    client.setRequests([toRequest(conversation.first)]);
    client.on('response', (_status: number, _bytes: number, latencyMs: number) => {
      if (!answer) return;
      const next = conversation.answered({ ...answer, latencyMs });
      answer = undefined;
      // autocannon takes it up right after this event.
      if (next) client.setRequests([toRequest(next)]);
    });
    const events: NodeJS.EventEmitter = client; // its types know only some of its events
    events.on('timeout', () => conversation.unanswered('timeout'));
    events.on('connError', () => conversation.unanswered('connection lost'));
  };
  const run = autocannon({ url: urls as unknown as string, connections, duration: durationS, setupClient });
  const stop = () => (run as unknown as { stop(): void }).stop();
  signal.addEventListener('abort', stop, { once: true });
  await run;
  signal.removeEventListener('abort', stop);
  for (const conversation of conversations) conversation.unanswered('end');
}
