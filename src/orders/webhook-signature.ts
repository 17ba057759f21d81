import { createHmac, timingSafeEqual } from 'node:crypto';
import { InvalidWebhookError } from './payment-provider.ts';

/** Older messages are refused: a recorded one cannot be replayed later. */
export const webhookMaxAgeMs = 300_000;

const textOf = (raw: Buffer, atS: number) => Buffer.concat([Buffer.from(`${atS}.`), raw]);
const macOf = (raw: Buffer, secret: string, atS: number) =>
  createHmac('sha256', secret).update(textOf(raw, atS)).digest();

/** The signature of a message that is sent at `nowMs` (Unix ms): `t=<Unix seconds>,v1=<HMAC-SHA-256 in hex>`. */
export function signWebhook(raw: Buffer, secret: string, nowMs: number): string {
  const atS = Math.floor(nowMs / 1000);
  return `t=${atS},v1=${macOf(raw, secret, atS).toString('hex')}`;
}

/** Throws an `InvalidWebhookError` if the signature is not of this secret and message, or too old or too new at `nowMs`. */
export function verifyWebhook(raw: Buffer, signature: unknown, secret: string, nowMs: number): void {
  const [, time, mac] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(typeof signature === 'string' ? signature : '') ?? [];
  if (time === undefined || mac === undefined) throw new InvalidWebhookError('The message has no signature');
  if (!timingSafeEqual(macOf(raw, secret, Number(time)), Buffer.from(mac, 'hex'))) {
    throw new InvalidWebhookError('The signature is not valid');
  }
  if (Math.abs(nowMs - Number(time) * 1000) > webhookMaxAgeMs) throw new InvalidWebhookError('The message is too old');
}
