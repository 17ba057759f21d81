import { registerHealthRoutes } from '../http/health-routes.ts';
import { createHttpApp, type HttpApp } from '../http/http-app.ts';
import { registerMetricsRoute } from '../http/metrics-route.ts';
import { RefusedError } from '../http/refused-error.ts';
import { installRequestSpans } from '../http/request-spans.ts';
import type { BookingAppOptions } from './app-options.ts';
import type { Checkout } from './checkout.ts';
import { registerCommandBatchRoute } from './command-batch-route.ts';
import { CommandHandler } from './command-handler.ts';
import { registerDocsRoutes } from './docs-routes.ts';
import { type Guard, installGuard } from './guard.ts';
import { registerHoldRoutes } from './hold-routes.ts';
import { registerOrderRoutes } from './order-routes.ts';
import { registerPageRoute } from './page-route.ts';
import { registerPaymentWebhookRoute } from './payment-webhook-route.ts';
import { failureDetail } from './refusals.ts';
import { registerSandboxRoutes } from './sandbox-routes.ts';
import { registerSeatCommandRoutes } from './seat-command-routes.ts';
import { registerSessionRoutes } from './session-routes.ts';
import { registerShowRoutes } from './show-routes.ts';
import { registerTicketRoute } from './ticket-route.ts';
import { registerVenueRoutes } from './venue-routes.ts';

/** The HTTP API of a booking process. The caller starts and closes the shows. */
export async function buildBookingApp(options: BookingAppOptions): Promise<HttpApp> {
  const { access, logger } = options;
  const app = createHttpApp(logger, { explain: failureDetail, trustProxy: access.trustedProxies });
  installRequestSpans(app); // before the guard: refused requests have a span too
  acceptJsonOfAnyType(app);
  const guard = await installGuard(app, access);
  await registerDocsRoutes(app, access.sessionCookie);
  registerSessionRoutes(app, access, guard);
  const handler = new CommandHandler(options, guard);
  const isSessionNeeded = access.authMode === 'required';
  const routes = [
    ...registerSeatCommandRoutes(app, handler, isSessionNeeded),
    ...registerHoldRoutes(app, handler, isSessionNeeded),
  ];
  registerCommandBatchRoute(app, { guard, routes, access, logger });
  registerVenueRoutes(app, options);
  registerShowRoutes(app, options);
  if (options.checkout) await registerCheckoutRoutes(app, guard, options.checkout, options);
  await registerPageRoute(app, options);
  const { checkout, shows } = options;
  const { service } = shows.default;
  registerHealthRoutes(app, {
    ready: async () => (await service.isReady()) && (options.isReady?.() ?? true),
    refusedShows: () => shows.refusals,
    ...(checkout && { isCheckoutAvailable: () => checkout.isAvailable() }),
  });
  registerMetricsRoute(app, options.metrics.registry);
  return app;
}

async function registerCheckoutRoutes(
  app: HttpApp,
  guard: Guard,
  checkout: Checkout,
  { shows, access }: BookingAppOptions,
): Promise<void> {
  registerOrderRoutes(app, { shows, guard, checkout, isSessionNeeded: access.authMode === 'required' });
  registerTicketRoute(app, checkout);
  await registerPaymentWebhookRoute(app, checkout);
  if (checkout.sandbox) await registerSandboxRoutes(app, checkout.sandbox);
}

/** `curl -d '{…}'` labels its body as a form, so the content type decides nothing and no refusal mentions one. */
function acceptJsonOfAnyType(app: HttpApp): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('*', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(new RefusedError('INVALID_REQUEST', 'The body is empty; it must be JSON'));
    return parseJson(request, body, (error, value) => {
      if (error) done(new RefusedError('INVALID_REQUEST', 'The body is not valid JSON'));
      else done(null, value);
    });
  });
}
