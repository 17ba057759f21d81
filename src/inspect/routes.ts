import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Type } from 'typebox';
import { addressKey } from '../http/address-key.ts';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import { contentSecurityPolicy } from '../http/security-headers.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { commaList } from '../process/config.ts';
import { fetchPeer } from './fetch-peer.ts';
import type { InspectedService } from './inspected-service.ts';
import { Inspector } from './inspector.ts';
import { defaultInspectLimits, type InspectLimits } from './limits.ts';
import { Peers } from './peers.ts';
import { Places } from './places.ts';
import { isSameOrigin } from './same-origin.ts';

export interface InspectOptions {
  /** Name of this process. */
  node: string;
  /** URLs of all booking processes, including this one. */
  peerUrls: readonly string[];
  /** Host names of this server, in addition to localhost and IP addresses. */
  hosts: readonly string[];
  inspectorUrl: string;
  /** Folder of the built pages. */
  pageDir: string;
  limits?: Partial<InspectLimits>;
}

/** Cost of the first messages of a feed, or of the states of all actors; a command costs 1. */
const points = 5;

const Query = Type.Object({
  seats: Type.String({ maxLength: 4_096, default: 'all' }),
  node: Type.Optional(Type.String({ maxLength: 64 })),
});

/** `/inspect` (Stately Inspector), `/inspect/live`, and the data of both. */
export async function registerInspectRoutes(
  app: HttpApp,
  { service, logger, ...options }: InspectOptions & { service: InspectedService; logger: Logger },
): Promise<Inspector> {
  const limits = { ...defaultInspectLimits, ...options.limits };
  const { node: self, peerUrls, hosts, inspectorUrl, pageDir } = options;
  const inspector = new Inspector({ service, logger, node: self, limits });
  const peers = new Peers({ self, urls: peerUrls, timeoutMs: limits.peerTimeoutMs });
  app.addHook('preClose', async () => inspector.end());

  await app.register(fastifyStatic, {
    root: pageDir,
    prefix: '/inspect/assets/',
    decorateReply: false,
    cacheControl: false,
  });
  await registerPages(app, pageDir, inspectorUrl);

  const onlyOurPages = async ({ headers }: FastifyRequest) => {
    if (!isSameOrigin(headers, hosts)) throw new RefusedError('FORBIDDEN', 'Allowed only from pages of this host');
  };
  const common = { schema: { hide: true, querystring: Query }, onRequest: onlyOurPages, config: { points } };
  const viewers = new Places({ total: limits.viewers, perAddress: limits.viewersPerAddress });
  const histories = new Places({ total: limits.histories, perAddress: 1 });
  const starts = new RateLimit({
    points: limits.feedStarts,
    seconds: limits.feedStartsWindowS,
    message: 'Too many feeds opened from your address',
  });

  app.get('/inspect/settings', common, async ({ query }) => ({
    inspector_url: inspectorUrl,
    node: self,
    nodes: peers.names,
    unknown_seats: service.isOpen ? inspector.seatIds(query.seats).unknown : [],
  }));

  app.get('/inspect/feed', common, async (request, reply) => {
    const { seats, node = self } = request.query;
    const address = addressKey(request.ip);
    await starts.count(address);
    if (!peers.isSelf(node)) {
      const url = peers.urlOf(node, `/inspect/feed?${new URLSearchParams({ seats, node })}`);
      if (!url) throw new RefusedError('NOT_FOUND', `No such process: ${node}`);
      takePlace(viewers, address, reply);
      return proxyFeed(url, request, reply);
    }
    if (!service.isOpen) throw new RefusedError('STORE_UNAVAILABLE', 'The venue is not loaded yet');
    const { ids, unknown } = inspector.seatIds(seats);
    if (unknown.length > 0) throw new RefusedError('UNKNOWN_SEAT', `No such seat: ${unknown.join(', ')}`);
    if (ids.length === 0) throw new RefusedError('UNKNOWN_SEAT', '`seats` is empty: must be `all` or seat ids');
    takePlace(viewers, address, reply);
    reply.hijack();
    await inspector.show(ids, reply.raw);
  });

  app.get('/inspect/states', common, async ({ query }, reply) => {
    reply.header('cache-control', 'no-store');
    const own = inspector.states();
    return query.node === undefined ? peers.states(own) : [own];
  });

  app.get('/inspect/history', common, async (request, reply) => {
    takePlace(histories, addressKey(request.ip), reply);
    const tooSlow = setTimeout(() => reply.raw.destroy(), limits.historyTimeoutMs);
    reply.raw.once('close', () => clearTimeout(tooSlow));
    const lines = await inspector.history();
    reply.type('application/x-ndjson').header('cache-control', 'no-store');
    return reply.send(Readable.from(lines, { objectMode: false }));
  });
  return inspector;
}

async function registerPages(app: HttpApp, pageDir: string, inspectorUrl: string): Promise<void> {
  const pages = [
    { url: '/inspect', file: 'bridge.html', frames: new URL(inspectorUrl).origin },
    { url: '/inspect/live', file: 'live.html', frames: "'none'" },
  ];
  for (const { url, file, frames } of pages) {
    const html = await readFile(join(pageDir, file), 'utf8');
    const policy = contentSecurityPolicy({
      'img-src': ["'self'", 'data:'],
      'frame-src': [frames],
      'form-action': ["'self'"],
    });
    app.get(url, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .headers({ 'content-security-policy': policy, 'cache-control': 'no-cache' })
        .type('text/html; charset=utf-8')
        .send(html),
    );
  }
}

/** Passes on the feed of another process until either side closes. */
async function proxyFeed(url: string, { ip }: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const response = await fetchPeer(url, gone.signal, { 'x-forwarded-for': ip }).catch(() => undefined);
  if (!response) throw new RefusedError('STORE_UNAVAILABLE', 'That process does not reply');
  reply.hijack();
  reply.raw.writeHead(response.statusCode ?? 500, {
    'content-type': response.headers['content-type'],
    'cache-control': 'no-store',
  });
  await pipeline(response, reply.raw).catch(() => {}); // either side may close first
  return reply;
}

/** Takes a place until the response closes. */
function takePlace(places: Places, address: string, { raw }: FastifyReply): void {
  const giveBack = places.take(address);
  if (!giveBack) throw new RefusedError('RATE_LIMITED', 'Too many viewers: try again later');
  raw.once('close', giveBack);
}

/** Settings for a process that has actors; undefined turns the inspector off. */
export function inspectOptions(
  config: {
    INSPECT: 'on' | 'off';
    INSPECTOR_URL: string;
    INSPECT_PEERS: string;
    INSPECT_HOSTS: string;
    ALLOWED_HOSTS: string;
  },
  place: { node: string; pageDir: string },
): InspectOptions | undefined {
  if (config.INSPECT === 'off') return undefined;
  return {
    ...place,
    inspectorUrl: config.INSPECTOR_URL,
    peerUrls: commaList(config.INSPECT_PEERS),
    hosts: [...commaList(config.INSPECT_HOSTS), ...commaList(config.ALLOWED_HOSTS)],
  };
}
