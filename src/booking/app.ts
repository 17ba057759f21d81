import { registerHealthRoutes } from '../http/health-routes.ts';
import { createHttpApp, type HttpApp } from '../http/http-app.ts';
import { registerMetricsRoute } from '../http/metrics-route.ts';
import type { BookingAppOptions } from './app-options.ts';
import { registerCommandRoutes } from './command-routes.ts';
import { registerDocsRoutes } from './docs-routes.ts';
import { installGuard } from './guard.ts';
import { registerPageRoute } from './page-route.ts';
import { failureDetail } from './refusals.ts';
import { registerSessionRoutes } from './session-routes.ts';
import { registerVenueRoutes } from './venue-routes.ts';

/** The booking service's HTTP side. Starts and stops nothing: the service is its caller's. */
export async function buildBookingApp(options: BookingAppOptions): Promise<HttpApp> {
  const { access, logger } = options;
  const app = createHttpApp(logger, { explain: failureDetail, trustProxy: access.trustedProxies });
  acceptJsonOfAnyType(app);
  const identifyUser = await installGuard(app, access);
  await registerDocsRoutes(app, access.sessionCookie);
  registerSessionRoutes(app, access);
  registerCommandRoutes(app, options, identifyUser);
  registerVenueRoutes(app, options);
  registerPageRoute(app, options);
  registerHealthRoutes(app, { ready: async () => (await options.service.isReady()) && (options.isReady?.() ?? true) });
  registerMetricsRoute(app, options.metrics.registry);
  return app;
}

/** `curl -d '{…}'` calls its body a form. What is not JSON is refused all the same. */
function acceptJsonOfAnyType(app: HttpApp): void {
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('*', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
}
