import { randomBytes } from 'node:crypto';

/** What signs sessions, and what may still be met: by key id. */
export interface SessionKeys {
  signing: { id: string; secret: Uint8Array };
  /** The signing key among them. */
  known: ReadonlyMap<string, Uint8Array>;
}

/** As for HMAC-SHA-256 (RFC 7518, 3.2): no shorter than its output. */
const secretBytes = 32;

/** `"id:base64url,id:base64url"`: the first signs, the others are old ones whose sessions are still good. Throws a `SessionKeysError`. */
export function parseSessionKeys(text: string): SessionKeys {
  const known = new Map<string, Uint8Array>();
  for (const item of text.split(',')) {
    const [id = '', secret = ''] = item.trim().split(':');
    const bytes = Buffer.from(secret, 'base64url');
    if (!/^[\w-]{1,32}$/.test(id)) throw new SessionKeysError('each key is <id>:<secret in base64url>');
    if (bytes.length < secretBytes)
      throw new SessionKeysError(`the secret of ${id} has less than ${secretBytes} bytes`);
    if (known.has(id)) throw new SessionKeysError(`there are two keys ${id}`);
    known.set(id, bytes);
  }
  const [[id, secret]] = known as Iterable<[string, Uint8Array]> as [[string, Uint8Array]];
  return { signing: { id, secret }, known };
}

/** A new key, in the form that `parseSessionKeys` takes. */
export function newSessionKey(): string {
  return `${randomBytes(6).toString('base64url')}:${randomBytes(secretBytes).toString('base64url')}`;
}

export class SessionKeysError extends Error {
  override name = 'SessionKeysError';
}
