import { Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import { contentSecurityPolicy } from '../http/security-headers.ts';
import { sandboxPage } from '../orders/sandbox/sandbox-page.ts';
import { UnknownPaymentError } from '../orders/sandbox/sandbox-payments.ts';
import type { SandboxSite } from '../orders/sandbox/sandbox-site.ts';
import type { SandboxPayment } from '../orders/sandbox/sandbox-store.ts';
import { sandboxStyles } from '../orders/sandbox/sandbox-styles.ts';

const Params = Type.Object({ reference: Type.String({ maxLength: 64 }) });
const policy = contentSecurityPolicy({ 'form-action': ["'self'"] });
const maxFieldLength = 64;

/** The pay page of the sandbox, `/sandbox/:reference`, which posts its form to itself. It works without JavaScript. */
export async function registerSandboxRoutes(app: HttpApp, site: SandboxSite): Promise<void> {
  const schema = { hide: true, params: Params };
  const pageOf = (payment: SandboxPayment) =>
    sandboxPage(payment, { returnUrl: site.returnUrlOf(payment), nowMs: Date.now() });

  app.get('/sandbox/pay.css', { schema: { hide: true } }, (_request, reply) =>
    reply.header('cache-control', 'no-cache').type('text/css; charset=utf-8').send(sandboxStyles),
  );
  app.get('/sandbox/:reference', { schema }, async ({ params }, reply) => {
    const payment = await found(site.payment(params.reference));
    return reply
      .headers({ 'content-security-policy': policy, 'cache-control': 'no-store' })
      .type('text/html; charset=utf-8')
      .send(pageOf(payment));
  });
  await app.register(async (child) => {
    child.removeAllContentTypeParsers();
    child.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    (child as HttpApp).post('/sandbox/:reference', { schema }, async ({ params, body }, reply) => {
      const form = new URLSearchParams(typeof body === 'string' ? body : '');
      const field = (name: string) => form.get(name)?.slice(0, maxFieldLength);
      const step = field('step');
      const payment =
        step === undefined
          ? await found(site.pay(params.reference, field('card') ?? ''))
          : await found(site.answerChallenge(params.reference, step === 'approve'));
      if (!payment) {
        reply.hijack(); // the card that gets no reply
        reply.raw.destroy();
        return reply;
      }
      const isDone = payment.state === 'authorised' || payment.state === 'captured';
      return reply.redirect(isDone ? site.returnUrlOf(payment) : `/sandbox/${payment.reference}`, 303);
    });
  });
}

async function found<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (cause) {
    if (cause instanceof UnknownPaymentError)
      throw new RefusedError('NOT_FOUND', 'There is no such payment', { cause });
    throw cause;
  }
}
