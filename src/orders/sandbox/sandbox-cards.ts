/** The behaviour of each card number. Any other number is declined. */
export interface SandboxCard {
  outcome: 'approved' | 'declined' | 'challenge';
  /** When its webhooks are sent after the payment, in ms: one, two or none. */
  webhookDelaysMs: readonly number[];
  /** False: the payer gets no reply and is not sent back to the shop. */
  replies: boolean;
}

const approved: SandboxCard = { outcome: 'approved', webhookDelaysMs: [0], replies: true };
const unknownCard: SandboxCard = { outcome: 'declined', webhookDelaysMs: [0], replies: true };

/** By number without spaces. */
export const sandboxCards: Readonly<Record<string, SandboxCard & { meaning: string }>> = {
  '4242424242424242': { ...approved, meaning: 'approved' },
  '4000000000000002': { ...unknownCard, meaning: 'declined' },
  '4000002760003184': { ...approved, outcome: 'challenge', meaning: 'needs a second step' },
  '4000000000005126': { ...approved, webhookDelaysMs: [5_000], meaning: 'approved, webhook 5 s late' },
  '4000000000000341': { ...approved, webhookDelaysMs: [], meaning: 'approved, webhook never sent' },
  '4000000000000259': { ...approved, webhookDelaysMs: [0, 0], meaning: 'approved, webhook twice, before the redirect' },
  '4000000000009995': { ...approved, webhookDelaysMs: [], replies: false, meaning: 'approved, but no reply at all' },
};

/** Spaces and hyphens in the number are ignored. */
export const sandboxCard = (number: string): SandboxCard => sandboxCards[number.replace(/[\s-]/g, '')] ?? unknownCard;
