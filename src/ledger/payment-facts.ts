import type { Payment, PaymentFact } from './order.ts';

/**
 * The payments of an order with these facts added; the same array if they add nothing. The result does not depend on the
 * order of the facts after `begun`, nor on repetitions. Throws a RangeError if a fact contradicts what is known: another provider, amount
 * or reference of an attempt, or an attempt that was never begun.
 */
export function withFacts(payments: readonly Payment[], facts: readonly PaymentFact[]): readonly Payment[] {
  let result = payments;
  for (const fact of facts) {
    const known = result.find(({ attempt }) => attempt === fact.attempt);
    const payment = withFact(known, fact);
    if (known && isEqual(known, payment)) continue;
    const others = result.filter(({ attempt }) => attempt !== fact.attempt);
    result = [...others, payment].sort((a, b) => a.attempt - b.attempt);
  }
  return result;
}

function withFact(known: Payment | undefined, fact: PaymentFact): Payment {
  if (fact.kind === 'begun') return begun(known, fact);
  if (!known) throw new RangeError(`Attempt ${fact.attempt} was never begun`);
  const payment = { ...known, reference: sameReference(known, fact) };
  switch (fact.kind) {
    case 'authorised':
      return { ...payment, authorisedAtMs: earliest(known.authorisedAtMs, fact.atMs) };
    case 'captured': {
      const capturedMinor = Math.max(known.capturedMinor, fact.totalMinor);
      return { ...payment, capturedAtMs: earliest(known.capturedAtMs, fact.atMs), capturedMinor };
    }
    case 'refunded':
      return { ...payment, refundedMinor: Math.max(known.refundedMinor, fact.totalMinor) };
    case 'failed': {
      // The text of the earliest failure; of two at the same time, the first in the alphabet.
      const { failedAtMs = Number.POSITIVE_INFINITY, failure = '' } = known;
      const isFirst = fact.atMs < failedAtMs || (fact.atMs === failedAtMs && fact.failure < failure);
      return isFirst ? { ...payment, failedAtMs: fact.atMs, failure: fact.failure } : payment;
    }
    case 'cancelled':
      return { ...payment, cancelledAtMs: earliest(known.cancelledAtMs, fact.atMs) };
  }
}

function begun(known: Payment | undefined, fact: Extract<PaymentFact, { kind: 'begun' }>): Payment {
  const { attempt, provider, amountMinor, atMs, reference } = fact;
  if (known) {
    if (known.provider !== provider || known.amountMinor !== amountMinor)
      throw new RangeError(`Attempt ${attempt} was begun with another provider or amount`);
    return { ...known, reference: sameReference(known, fact), begunAtMs: Math.min(known.begunAtMs, atMs) };
  }
  return {
    attempt,
    provider,
    reference,
    amountMinor,
    begunAtMs: atMs,
    authorisedAtMs: undefined,
    capturedAtMs: undefined,
    failedAtMs: undefined,
    cancelledAtMs: undefined,
    capturedMinor: 0,
    refundedMinor: 0,
    failure: undefined,
  };
}

function sameReference({ reference, attempt }: Payment, fact: PaymentFact): string | undefined {
  if (reference !== undefined && fact.reference !== undefined && reference !== fact.reference)
    throw new RangeError(`Attempt ${attempt} has the reference ${reference}, not ${fact.reference}`);
  return reference ?? fact.reference;
}

const earliest = (known: number | undefined, atMs: number) => Math.min(known ?? atMs, atMs);

const isEqual = (a: Payment, b: Payment) =>
  (Object.keys(b) as (keyof Payment)[]).every((field) => a[field] === b[field]);
