import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number };
}

/** As OTLP/HTTP has it in JSON. */
interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: Attribute[];
  links?: { traceId: string; spanId: string }[];
}

interface ExportRequest {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: ExportedSpan[] }[] }[];
}

export interface ReceivedSpan {
  /** `service.name` of its process. */
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  /** Id of the parent; empty for a root. */
  parentId: string;
  /** Ids of the linked spans. */
  links: string[];
  attributes: Record<string, string | number | undefined>;
}

export interface TraceReceiver {
  url: string;
  spans: ReceivedSpan[];
  /** The bodies of all requests. */
  bodies: string[];
  close(): void;
}

/** Receives traces by OTLP over HTTP, as a collector does. `replies`: false if it never replies. */
export async function receiveTraces(replies = true): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as ExportRequest;
    bodies.push(JSON.stringify(body));
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name']);
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push(received(service, span));
    }
    if (replies) response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function received(service: string, { parentSpanId = '', links = [], ...span }: ExportedSpan): ReceivedSpan {
  const { name, traceId, spanId, attributes } = span;
  const linked = links.map((link) => link.spanId);
  return { service, name, traceId, spanId, parentId: parentSpanId, links: linked, attributes: valuesOf(attributes) };
}

const valuesOf = (attributes: readonly Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
