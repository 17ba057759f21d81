import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { CompressedBody } from '../http/compressed-body.ts';
import type { HttpApp } from '../http/http-app.ts';
import { contentSecurityPolicy } from '../http/security-headers.ts';
import { apiDocument } from './api-document.ts';

const prefix = '/api/docs';
/** The page sends about ten requests, one of them for half a megabyte. */
const points = 8;
const policy = contentSecurityPolicy({ 'img-src': ["'self'", 'data:'] });
const largeFiles = ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui.css'];

/** `GET /api/docs`: the API document (OpenAPI) and its page. Must be registered before the routes that it describes. */
export async function registerDocsRoutes(app: HttpApp, sessionCookie: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith(prefix)) route.config = { ...route.config, points };
  });
  await app.register(swagger, apiDocument(sessionCookie));
  await app.register(swaggerUi, {
    routePrefix: prefix,
    staticCSP: policy,
    uiConfig: { layout: 'BaseLayout' }, // the default layout has an inline style, and an input for any URL
  });
  registerLargeFiles(app);
}

/** From memory: reading the bundle from disk each time costs as much as 50 commands. */
function registerLargeFiles(app: HttpApp): void {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static');
  for (const name of largeFiles) {
    let file: CompressedBody | undefined;
    app.get(`${prefix}/static/${name}`, { schema: { hide: true } }, (request, reply) => {
      file ??= readLargeFile(join(folder, name));
      return file.send(request, reply);
    });
  }
}

function readLargeFile(path: string): CompressedBody {
  const identity = readFileSync(path);
  return new CompressedBody(identity, {
    etag: `"${createHash('sha256').update(identity).digest('hex').slice(0, 16)}"`,
    'content-type': path.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8',
    'content-security-policy': policy,
    'cache-control': 'public, max-age=86400', // their URLs have no version: a browser checks again after a day
  });
}
