import type { NewPayment } from '../payment-provider.ts';

/** A payment of the sandbox, our own provider for tests and demos. */
export interface SandboxPayment extends Omit<NewPayment, 'key'> {
  reference: string;
  /** `challenge`: waits for the second step of the payer. */
  state: 'pending' | 'challenge' | 'authorised' | 'captured' | 'failed' | 'cancelled';
  capturedMinor: number;
  refundedMinor: number;
  failure?: string;
  /** Number of changes, from 0. Part of the id of a message about it. */
  version: number;
}

/** The payments of the sandbox, shared by all processes. Rejects if it is unavailable. */
export interface SandboxStore {
  /** Adds a payment unless there is one with its reference. Returns the stored one. */
  add(payment: SandboxPayment): Promise<SandboxPayment>;
  get(reference: string): Promise<SandboxPayment | undefined>;
  /** Replaces the payment if its version is the one before; false if it is not. */
  replace(payment: SandboxPayment): Promise<boolean>;
}

export class MemorySandboxStore implements SandboxStore {
  readonly #payments = new Map<string, SandboxPayment>();

  async add(payment: SandboxPayment): Promise<SandboxPayment> {
    const stored = this.#payments.get(payment.reference) ?? payment;
    this.#payments.set(payment.reference, stored);
    return stored;
  }

  async get(reference: string): Promise<SandboxPayment | undefined> {
    return this.#payments.get(reference);
  }

  async replace(payment: SandboxPayment): Promise<boolean> {
    if (this.#payments.get(payment.reference)?.version !== payment.version - 1) return false;
    this.#payments.set(payment.reference, payment);
    return true;
  }
}
