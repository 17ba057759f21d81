import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SessionKeys } from '../identity/session-keys.ts';

/** 128 bits: short enough for a small QR code, too long to be guessed. */
const macBytes = 16;

/** Codes on tickets: `<key id>.<ticket id>.<HMAC-SHA-256, shortened>`. A door can check one without the ledger. */
export class TicketCodes {
  readonly #keys: SessionKeys;

  /** `keys`: as for sessions, but keys that live as long as the tickets. */
  constructor(keys: SessionKeys) {
    this.#keys = keys;
  }

  codeOf(ticketId: string): string {
    const { id, secret } = this.#keys.signing;
    return `${id}.${ticketId}.${macOf(ticketId, secret).toString('base64url')}`;
  }

  /** The id of the ticket; undefined if the code is forged, or signed with a key that is not accepted any more. */
  verify(code: string): string | undefined {
    const [, keyId = '', ticketId = '', mac = ''] = /^([\w-]{1,32})\.([\w-]{1,64})\.([\w-]{22})$/.exec(code) ?? [];
    const secret = this.#keys.known.get(keyId);
    const given = Buffer.from(mac, 'base64url');
    if (!secret || given.length !== macBytes) return undefined;
    return timingSafeEqual(macOf(ticketId, secret), given) ? ticketId : undefined;
  }
}

const macOf = (ticketId: string, secret: Uint8Array) =>
  createHmac('sha256', secret).update(`ticket:${ticketId}`).digest().subarray(0, macBytes);
