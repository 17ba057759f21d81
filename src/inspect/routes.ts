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
import type { OrderActors } from '../orders/order-actors.ts';
import { commaList } from '../process/config.ts';
import { isObject } from '../process/is-object.ts';
import type { InspectSettings } from './feed.ts';
import { fetchPeer } from './fetch-peer.ts';
import { inspectPath } from './inspect-path.ts';
import type { InspectedShows } from './inspected-service.ts';
import { Inspectors } from './inspectors.ts';
import { defaultInspectLimits, type InspectLimits } from './limits.ts';
import { OrderWatches } from './order-watches.ts';
import { Peers } from './peers.ts';
import { Places } from './places.ts';
import { isSameOrigin } from './same-origin.ts';
import { unknownShowPage } from './unknown-show-page.ts';

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
const leastPoints = 5;
const seatsPerPoint = 1_000;

const ShowQuery = Type.Object({ show: Type.Optional(Type.String({ maxLength: 64 })) });
const Query = Type.Object({
  ...ShowQuery.properties,
  seats: Type.String({ maxLength: 4_096, default: 'all' }),
  node: Type.Optional(Type.String({ maxLength: 64 })),
});

/** `/inspect` (Stately Inspector), `/inspect/live`, and the data of both. */
export async function registerInspectRoutes(
  app: HttpApp,
  {
    shows,
    orderActors,
    logger,
    ...options
  }: InspectOptions & { shows: InspectedShows; orderActors: OrderActors | undefined; logger: Logger },
): Promise<void> {
  const limits = { ...defaultInspectLimits, ...options.limits };
  const { node: self, peerUrls, hosts, inspectorUrl, pageDir } = options;
  const orders = orderActors && new OrderWatches({ actors: orderActors, logger, maxOrders: limits.orders });
  const inspectors = new Inspectors({ shows, orders, logger, node: self, limits });
  const peers = new Peers({ self, urls: peerUrls, timeoutMs: limits.peerTimeoutMs });
  app.addHook('preClose', async () => inspectors.end());

  await app.register(fastifyStatic, {
    root: pageDir,
    prefix: '/inspect/assets/',
    decorateReply: false,
    cacheControl: false,
  });
  await registerPages(app, shows, { pageDir, inspectorUrl });

  const onlyOurPages = async ({ headers }: FastifyRequest) => {
    if (!isSameOrigin(headers, hosts)) throw new RefusedError('FORBIDDEN', 'Allowed only from pages of this host');
  };
  const defaultShow = shows.get(undefined).show.id;
  const sizes = new Map(shows.list.map(({ id, plan }) => [id, plan.size]));
  const points = ({ query }: FastifyRequest) => {
    const size = sizes.get(showIn(query) ?? defaultShow) ?? 0;
    return leastPoints + Math.floor(size / seatsPerPoint);
  };
  const common = { schema: { hide: true, querystring: Query }, onRequest: onlyOurPages, config: { points } };
  const viewers = new Places({ total: limits.viewers, perAddress: limits.viewersPerAddress });
  const histories = new Places({ total: limits.histories, perAddress: 1 });
  const starts = new RateLimit({
    points: limits.feedStarts,
    seconds: limits.feedStartsWindowS,
    message: 'Too many feeds opened from your address',
  });

  app.get('/inspect/settings', common, async ({ query }): Promise<InspectSettings> => {
    const inspector = inspectors.of(query.show);
    const { seats, unknown } = inspector.select(query.seats);
    return {
      inspector_url: inspectorUrl,
      node: self,
      nodes: peers.names,
      show: query.show ?? defaultShow,
      shows: shows.list.map(({ id, name }) => ({ id, name })),
      size: inspector.size,
      seats,
      unknown_seats: unknown,
      most_seats: limits.seats,
    };
  });

  app.get('/inspect/feed', common, async (request, reply) => {
    const { show, seats, node = self } = request.query;
    const address = addressKey(request.ip);
    await starts.count(address);
    if (!peers.isSelf(node)) {
      const url = peers.urlOf(node, inspectPath('feed', { show, seats, node }));
      if (!url) throw new RefusedError('NOT_FOUND', `No such process: ${node}`);
      takePlace(viewers, address, reply);
      return proxyFeed(url, request, reply);
    }
    const inspector = inspectors.of(show);
    const selection = inspector.select(seats);
    const { unknown } = selection;
    if (unknown.length > 0)
      throw new RefusedError('UNKNOWN_SEAT', `No such seat${inShow(show)}: ${unknown.join(', ')}`);
    if (selection.seats.length === 0 && !selection.isLatest) {
      throw new RefusedError('UNKNOWN_SEAT', '`seats` is empty: must be `all` or seat ids');
    }
    await inspector.opened();
    takePlace(viewers, address, reply);
    reply.hijack();
    await inspector.feed(selection, reply.raw);
  });

  app.get('/inspect/states', common, async ({ query }, reply) => {
    const inspector = inspectors.of(query.show);
    await inspector.opened();
    reply.header('cache-control', 'no-store');
    const own = inspector.states();
    return query.node === undefined ? peers.states(own, query.show) : [own];
  });

  app.get('/inspect/history', common, async (request, reply) => {
    takePlace(histories, addressKey(request.ip), reply);
    const tooSlow = setTimeout(() => reply.raw.destroy(), limits.historyTimeoutMs);
    reply.raw.once('close', () => clearTimeout(tooSlow));
    const lines = await inspectors.history(request.query.show);
    reply.type('application/x-ndjson').header('cache-control', 'no-store');
    return reply.send(Readable.from(lines, { objectMode: false }));
  });
}

/** The pages themselves are the same for all shows. */
async function registerPages(
  app: HttpApp,
  { list }: InspectedShows,
  { pageDir, inspectorUrl }: Pick<InspectOptions, 'pageDir' | 'inspectorUrl'>,
): Promise<void> {
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
    app.get(url, { schema: { hide: true, querystring: ShowQuery } }, async ({ query: { show } }, reply) => {
      const isUnknown = show !== undefined && !list.some(({ id }) => id === show);
      return reply
        .status(isUnknown ? 404 : 200)
        .headers({ 'content-security-policy': policy, 'cache-control': 'no-cache' })
        .type('text/html; charset=utf-8')
        .send(isUnknown ? unknownShowPage(url, show, list) : html);
    });
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

/** Before the query has been checked. */
const showIn = (query: unknown): string | undefined =>
  isObject(query) && typeof query.show === 'string' ? query.show : undefined;

/** The default show needs no name. */
const inShow = (show: string | undefined): string => (show === undefined ? '' : ` in the show ${show}`);

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
