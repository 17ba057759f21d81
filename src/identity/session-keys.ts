import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

/** The key that signs sessions, and all keys that are accepted. */
export interface SessionKeys {
  signing: { id: string; secret: Uint8Array };
  /** By key id, including the signing key. */
  known: ReadonlyMap<string, Uint8Array>;
}

/** HMAC-SHA-256 requires a key at least as long as its output (RFC 7518, 3.2). */
const secretBytes = 32;

/** Parses `"id:base64url,id:base64url"`: the first key signs, the sessions of the others stay valid. Throws a `SessionKeysError`. */
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
  const [first] = known;
  assert(first, 'the loop adds at least one key');
  const [id, secret] = first;
  return { signing: { id, secret }, known };
}

/** A new key, in the form that `parseSessionKeys` accepts. */
export function newSessionKey(): string {
  return `${randomBytes(6).toString('base64url')}:${randomBytes(secretBytes).toString('base64url')}`;
}

export class SessionKeysError extends Error {
  override name = 'SessionKeysError';
}
