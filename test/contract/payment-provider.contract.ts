import { describe, expect, test } from 'vitest';
import {
  InvalidWebhookError,
  PaymentOutcomeUnknownError,
  type PaymentProvider,
  paymentKey,
} from '../../src/orders/payment-provider.ts';

export interface ProviderPlace {
  provider: PaymentProvider;
  /** The payer pays with a card that is approved. */
  pay(reference: string): Promise<void>;
  /** The message that the provider sends about the payment now; `ageMs`: sent so long ago. */
  webhook(reference: string, ageMs?: number): { raw: Buffer; headers: Record<string, string> };
  /** While `act` runs, the provider does not reply. */
  whileSilent(act: () => Promise<unknown>): Promise<void>;
}

/** The contract of every payment provider. */
export function paymentProviderContract(newPlace: () => Promise<ProviderPlace>): void {
  async function begun() {
    const place = await newPlace();
    const orderId = 'order-of-the-contract';
    const request = {
      key: paymentKey(orderId, 1, 'begin'),
      orderId,
      attempt: 1,
      amountMinor: 13_500,
      currency: 'EUR',
      description: 'gala: A1, A2, A3',
      payUntilMs: Date.now() + 600_000,
    };
    const { reference, payUrl } = await place.provider.begin(request);
    const verb = (name: 'expire' | 'capture' | 'cancel' | 'refund', attempt = 1) =>
      place.provider[name]({ key: paymentKey(orderId, attempt, name), reference });
    return { ...place, request, reference, payUrl, verb, orderId };
  }

  describe('[R750] a payment', () => {
    test('begins once for one key, and is pending until the payer pays', async () => {
      const { provider, request, reference, payUrl } = await begun();
      expect(payUrl).not.toBe('');
      expect(await provider.begin(request)).toEqual({ reference, payUrl });
      expect(await provider.inquire(reference)).toEqual({
        reference,
        state: 'pending',
        capturedMinor: 0,
        refundedMinor: 0,
      });
      const other = await provider.begin({ ...request, key: paymentKey(request.orderId, 2, 'begin'), attempt: 2 });
      expect(other.reference).not.toBe(reference);
    });

    test('is reserved, captured and refunded, each once', async () => {
      const { provider, reference, pay, verb } = await begun();
      await pay(reference);
      expect(await provider.inquire(reference)).toMatchObject({ state: 'authorised', capturedMinor: 0 });
      for (let i = 0; i < 2; i++) {
        expect(await verb('capture')).toMatchObject({ state: 'captured', capturedMinor: 13_500, refundedMinor: 0 });
      }
      for (const attempt of [1, 1, 2]) {
        expect(await verb('refund', attempt)).toMatchObject({ capturedMinor: 13_500, refundedMinor: 13_500 });
      }
    });

    test('that nobody has made is ended, and takes no money any more', async () => {
      const { provider, reference, pay, verb } = await begun();
      expect(await verb('cancel')).toMatchObject({ state: 'pending' });
      expect(await verb('expire')).toMatchObject({ state: 'cancelled' });
      await pay(reference);
      expect(await provider.inquire(reference)).toMatchObject({ state: 'cancelled', capturedMinor: 0 });
    });

    test('that is reserved is given back', async () => {
      const { reference, pay, verb } = await begun();
      await pay(reference);
      expect(await verb('expire')).toMatchObject({ state: 'authorised' });
      expect(await verb('cancel')).toMatchObject({ state: 'cancelled' });
      expect(await verb('capture')).toMatchObject({ state: 'cancelled', capturedMinor: 0 });
    });

    test('is not changed by a verb that its state does not allow; the reply shows that state', async () => {
      const { reference, pay, verb } = await begun();
      expect(await verb('capture')).toMatchObject({ state: 'pending' });
      expect(await verb('refund')).toMatchObject({ state: 'pending', refundedMinor: 0 });
      await pay(reference);
      expect(await verb('refund', 2)).toMatchObject({ state: 'authorised', refundedMinor: 0 });
      await verb('capture', 2);
      expect(await verb('cancel')).toMatchObject({ state: 'captured', capturedMinor: 13_500 });
    });

    test('whose provider does not reply has an unknown outcome', async () => {
      const { provider, reference, request, verb, whileSilent } = await begun();
      await whileSilent(async () => {
        await expect(provider.inquire(reference)).rejects.toThrow(PaymentOutcomeUnknownError);
        await expect(verb('capture')).rejects.toThrow(PaymentOutcomeUnknownError);
        await expect(provider.begin({ ...request, key: 'another' })).rejects.toThrow(PaymentOutcomeUnknownError);
      });
      expect(await provider.inquire(reference)).toMatchObject({ state: 'pending' });
    });
  });

  describe('[R751] a webhook', () => {
    test('names the order, the attempt and the payment, and has the same id at each delivery', async () => {
      const { provider, reference, pay, webhook, orderId } = await begun();
      await pay(reference);
      const { raw, headers } = webhook(reference);
      const message = provider.readWebhook(raw, headers);
      expect(message).toMatchObject({ orderId, attempt: 1, payment: { reference, state: 'authorised' } });
      expect(provider.readWebhook(raw, headers)).toEqual(message);
    });

    test('is refused if it is changed, unsigned, or older than five minutes', async () => {
      const { provider, reference, pay, webhook } = await begun();
      await pay(reference);
      const { raw, headers } = webhook(reference);
      const forged = Buffer.from(raw.toString().replace('order-of-the-contract', 'another-order'));
      expect(() => provider.readWebhook(forged, headers)).toThrow(InvalidWebhookError);
      expect(() => provider.readWebhook(raw, {})).toThrow(InvalidWebhookError);
      const old = webhook(reference, 301_000);
      expect(() => provider.readWebhook(old.raw, old.headers)).toThrow(InvalidWebhookError);
      const recent = webhook(reference, 200_000);
      expect(provider.readWebhook(recent.raw, recent.headers)).toBeDefined();
    });
  });
}
