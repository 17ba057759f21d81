import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fresh from 'fresh';
import { escapeHtml, freeSeatsHtml, pricesHtml, showFactsHtml, showListHtml } from '../browser/show-html.ts';
import type { HttpApp } from '../http/http-app.ts';
import type { BookingAppOptions } from './app-options.ts';
import { PageTemplate } from './page-template.ts';
import { pointsOf } from './points.ts';
import { ShowParams } from './show-paths.ts';
import { detailsOf, summaryOf } from './show-replies.ts';
import type { ShowOnSale } from './shows-on-sale.ts';

/** A page without counts is better than a late one. */
const openWithinMs = 500;

const listPlaces = ['shows'] as const;
const showPlaces = ['title', 'preload', 'name', 'facts', 'free', 'prices', 'details'] as const;

/**
 * `GET /shows` and `/shows/:show`: the shows and their sale times, also without JavaScript. The details of a show are in its page,
 * so that the script needs no request for them.
 */
export function registerShowPages(
  app: HttpApp,
  { shows, checkout, publicDir }: Pick<BookingAppOptions, 'shows' | 'checkout'> & { publicDir: string },
): void {
  const read = (file: string) => readFileSync(join(publicDir, file), 'utf8');
  const list = new PageTemplate(read('shows.html'), listPlaces);
  const page = new PageTemplate(read('show.html'), showPlaces);

  const listConfig = { points: pointsOf(shows.list.length) };
  app.get('/shows', { schema: { hide: true }, config: listConfig }, (request, reply) => {
    const nowMs = shows.default.service.storeClock.nowMs();
    const html = list.fill({
      shows: showListHtml(shows.list.map((show) => summaryOf(show, nowMs, shows.refusalOf(show.id)))),
    });
    return send(request, reply, html);
  });

  const showConfig = { points: 1 };
  app.get(
    '/shows/:show',
    { schema: { hide: true, params: ShowParams }, config: showConfig },
    async (request, reply) => {
      const { show: id } = request.params;
      const sale = shows.list.some((show) => show.id === id) ? shows.get(id) : undefined;
      if (!sale) return send(request, reply.status(404), page.fill(unknownShow));
      if (!sale.service.isOpen) await opened(sale);
      // Its plan may be out of date. nginx tries another process, which may have the newer one.
      if (sale.service.refusal) return send(request, reply.status(503), page.fill(refusedShow(sale)));
      return send(request, reply, page.fill(contentOf(sale, checkout !== undefined)));
    },
  );
}

/** Waits until a show that has just been requested is open, but not for a store that is unavailable. */
async function opened({ service }: ShowOnSale): Promise<void> {
  const opening = service.confirm().catch(() => {});
  await Promise.race([opening, new Promise((resolve) => setTimeout(resolve, openWithinMs).unref())]);
}

function contentOf(sale: ShowOnSale, hasCheckout: boolean) {
  const details = detailsOf(sale, hasCheckout);
  const { id, name, plan } = details;
  return {
    title: `${escapeHtml(name)} · Seats`,
    preload: `<link rel="preload" as="fetch" crossorigin href="/api/shows/${id}/plan/${plan}">`,
    name: escapeHtml(name),
    facts: showFactsHtml(details),
    free: sale.service.isOpen ? freeSeatsHtml(details) : '',
    prices: pricesHtml(details),
    details: `<script type="application/json" id="show-details">${scriptText(details)}</script>`,
  };
}

const nothing = { preload: '', free: '', prices: '', details: '' };
const unknownShow = {
  ...nothing,
  title: 'Unknown show',
  name: 'Unknown show',
  facts: 'This show is not on sale here.',
};

function refusedShow({ show }: ShowOnSale) {
  const name = escapeHtml(show.name);
  return { ...nothing, title: `${name} · Seats`, name, facts: 'This show cannot be opened at the moment.' };
}

/** JSON inside of a script element, which any `</script>` would end. */
const scriptText = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

function send(request: FastifyRequest, reply: FastifyReply, html: string) {
  const etag = `"${createHash('sha256').update(html).digest('hex').slice(0, 16)}"`;
  reply.headers({ etag, 'cache-control': 'no-cache' });
  if (reply.statusCode === 200 && fresh(request.headers, { etag })) return reply.status(304).send();
  return reply.type('text/html; charset=utf-8').send(html);
}
