import { PaymentOutcomeUnknownError, type PaymentProvider } from '../../../src/orders/payment-provider.ts';
import { SandboxPayments } from '../../../src/orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../../../src/orders/sandbox/sandbox-provider.ts';
import { MemorySandboxStore, type SandboxPayment } from '../../../src/orders/sandbox/sandbox-store.ts';
import type { Host } from '../host.ts';
import type { World } from '../world.ts';
import type { OrderFaults } from './faults.ts';
import { Server } from './server.ts';

export interface SimulatedBankOptions {
  world: World;
  faults: OrderFaults;
  nowMs: () => number;
  /** A payment has changed. */
  onChanged: (before: SandboxPayment, after: SandboxPayment) => void;
}

/** The provider: the sandbox, on a store that sees every change and loses none. */
export class SimulatedBank extends MemorySandboxStore {
  readonly server: Server;
  readonly payments: SandboxPayments;
  readonly provider: SandboxProvider;
  readonly all = new Map<string, SandboxPayment>();
  /** References of all payments that were made. */
  readonly made = new Set<string>();
  readonly #options: SimulatedBankOptions;

  constructor(options: SimulatedBankOptions) {
    super();
    const { world, faults, nowMs } = options;
    this.#options = options;
    this.payments = new SandboxPayments({ store: this, nowMs });
    this.provider = new SandboxProvider({
      payments: this.payments,
      secret: 'secret',
      hostNowMs: () => 1_700_000_000_000 + world.nowMs,
      payUrlOf: (reference) => reference,
    });
    const unknown = () => new PaymentOutcomeUnknownError('no reply');
    this.server = new Server('bank', world, faults, { timeoutMs: 3_000, refused: unknown, unknown });
  }

  /** The provider as one process sees it. */
  connect(host: Host): PaymentProvider {
    const { server, provider } = this;
    return {
      name: provider.name,
      begin: (request) => server.call(host, `begin ${request.key}`, () => provider.begin(request)),
      inquire: (reference) => server.call(host, `inquire ${reference}`, () => provider.inquire(reference)),
      expire: (request) => server.call(host, `expire ${request.key}`, () => provider.expire(request)),
      capture: (request) => server.call(host, `capture ${request.key}`, () => provider.capture(request)),
      cancel: (request) => server.call(host, `cancel ${request.key}`, () => provider.cancel(request)),
      refund: (request) => server.call(host, `refund ${request.key}`, () => provider.refund(request)),
      readWebhook: (raw, headers) => provider.readWebhook(raw, headers),
    };
  }

  override async add(payment: SandboxPayment): Promise<SandboxPayment> {
    const stored = await super.add(payment);
    this.all.set(stored.reference, stored);
    return stored;
  }

  override async replace(payment: SandboxPayment): Promise<boolean> {
    const before = this.all.get(payment.reference);
    const isReplaced = await super.replace(payment);
    if (isReplaced && before) {
      this.all.set(payment.reference, payment);
      if (payment.state === 'authorised') this.made.add(payment.reference);
      this.#options.onChanged(before, payment);
    }
    return isReplaced;
  }
}
