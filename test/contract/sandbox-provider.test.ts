import { SandboxPayments } from '../../src/orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../../src/orders/sandbox/sandbox-provider.ts';
import { MemorySandboxStore, type SandboxPayment } from '../../src/orders/sandbox/sandbox-store.ts';
import { paymentProviderContract } from './payment-provider.contract.ts';

class SilentStore extends MemorySandboxStore {
  isSilent = false;
  readonly all = new Map<string, SandboxPayment>();

  override async add(payment: SandboxPayment) {
    this.#requireReply();
    const stored = await super.add(payment);
    this.all.set(stored.reference, stored);
    return stored;
  }

  override async get(reference: string) {
    this.#requireReply();
    return super.get(reference);
  }

  override async replace(payment: SandboxPayment) {
    this.all.set(payment.reference, payment);
    return super.replace(payment);
  }

  #requireReply(): void {
    if (this.isSilent) throw new Error('no reply');
  }
}

paymentProviderContract(async () => {
  const store = new SilentStore();
  let ageMs = 0;
  const payments = new SandboxPayments({ store, nowMs: Date.now });
  const provider = new SandboxProvider({
    payments,
    secret: 'a secret of the test',
    hostNowMs: () => Date.now() - ageMs,
    payUrlOf: (reference) => `/sandbox/${reference}`,
  });
  return {
    provider,
    async pay(reference) {
      await payments.pay(reference, '4242 4242 4242 4242');
    },
    webhook(reference, age = 0) {
      ageMs = age;
      const message = provider.webhookOf(store.all.get(reference) as SandboxPayment);
      ageMs = 0;
      return message;
    },
    async whileSilent(act) {
      store.isSilent = true;
      await act();
      store.isSilent = false;
    },
  };
});
