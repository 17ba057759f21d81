import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import fresh from 'fresh';
import { seatGridHtml } from '../browser/seat-grid-html.ts';
import type { HttpApp } from '../http/http-app.ts';
import { statusCounts } from '../venue/status-counts.ts';
import type { BookingAppOptions } from './app-options.ts';
import { PageTemplate } from './page-template.ts';
import { pointsOf } from './points.ts';
import { registerShowPages } from './show-pages.ts';
import { holdSettings } from './venue-settings.ts';

const places = ['seats', 'available', 'total', 'held', 'booked', 'hold_seconds', 'max_holds'] as const;

/**
 * `GET /`: the page with the seats in it, for the first paint and for browsers without JavaScript. The seats come from the
 * view of this process without a call to the store: the script gets the confirmed state one round trip later. The files of
 * the page are served as well, for installations whose proxy cannot serve them.
 */
export async function registerPageRoute(
  app: HttpApp,
  { shows, checkout, publicDir }: BookingAppOptions,
): Promise<void> {
  if (publicDir === undefined) return;
  await app.register(fastifyStatic, {
    root: publicDir,
    wildcard: false, // a route per file: other paths read no disk, and other methods are refused with the right code
    globIgnore: ['**/*.gz'], // for nginx
    index: false,
    cacheControl: false,
    setHeaders: (reply) => reply.header('cache-control', 'no-cache'),
  });
  registerShowPages(app, { shows, checkout, publicDir });
  // The same for every order: after a payment elsewhere, the browser sends the cookie only with the requests of the page.
  app.get('/orders/:id', { schema: { hide: true } }, (_request, reply) => reply.sendFile('order.html'));
  const { service, rules, show } = shows.default;
  const template = new PageTemplate(readFileSync(join(publicDir, 'index.html'), 'utf8'), places);
  let page = { etag: '', html: '' };

  const config = { points: pointsOf(show.plan.size) };
  app.get('/', { schema: { hide: true }, config }, (request, reply) => {
    const { epoch, seq } = service.view.position;
    const etag = `"${template.hash}:${epoch}:${seq}"`;
    reply.headers({ etag, 'cache-control': 'no-cache' });
    if (fresh(request.headers, { etag })) return reply.status(304).send();
    if (page.etag !== etag) page = { etag, html: render() };
    return reply.type('text/html; charset=utf-8').send(page.html);
  });

  // The default health check of haproxy.
  app.options('/', { schema: { hide: true } }, (_request, reply) =>
    reply.status(204).header('allow', 'GET, HEAD').send(),
  );

  function render(): string {
    const seats = [...service.view.seats];
    return template.fill({
      seats: seatGridHtml(seats),
      ...statusCounts(seats),
      total: seats.length,
      ...holdSettings(rules),
    });
  }
}
