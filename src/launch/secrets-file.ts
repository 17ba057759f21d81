import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSessionKey } from '../identity/session-keys.ts';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';
import { writePrivately } from './write-privately.ts';

/** Made once for a data folder, so that they are the same in the next run; read by nobody but its owner. */
export interface Secrets {
  /** Eight hexadecimal digits that tell this installation from others on the host. No secret. */
  installationId: string;
  sessionKeys: string;
  redisAdminPassword: string;
  redisBookingPassword: string;
  natsBookingPassword: string;
  natsEdgePassword: string;
}

class SecretsDamagedError extends Error {
  override name = 'SecretsDamagedError';

  constructor(file: string, damage: string) {
    super(
      `${file} is damaged: ${damage}. Restore it from a backup, or delete it: new keys and passwords are then made, ` +
        'bookings stay, and every browser gets a new session.',
    );
  }
}

const newPassword = () => randomBytes(24).toString('base64url');

const generators: Record<keyof Secrets, () => string> = {
  installationId: () => randomBytes(4).toString('hex'),
  sessionKeys: newSessionKey,
  redisAdminPassword: newPassword,
  redisBookingPassword: newPassword,
  natsBookingPassword: newPassword,
  natsEdgePassword: newPassword,
};

/** Adds what is missing, e.g. in a file of an older version; throws where the file is damaged, and changes nothing then. */
export function secretsIn(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  makeFolder(dataDir);
  const known = knownSecrets(file, dataDir);
  const missing = Object.entries(generators).filter(([name]) => known[name] === undefined);
  if (missing.length === 0) {
    protect(file, dataDir);
    return known as unknown as Secrets;
  }
  const secrets = { ...known, ...Object.fromEntries(missing.map(([name, generate]) => [name, generate()])) };
  writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets as unknown as Secrets;
}

function knownSecrets(file: string, dataDir: string): Record<string, string> {
  const text = readIfThere(file, dataDir);
  if (text === undefined) return {};
  if (text.trim() === '') throw new SecretsDamagedError(file, 'it is empty');
  const content = parse(file, text);
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new SecretsDamagedError(file, 'it is not a JSON object');
  for (const name of Object.keys(generators)) {
    const value = (content as Record<string, unknown>)[name];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new SecretsDamagedError(file, `${name} is not a text`);
  }
  if (!Object.keys(generators).some((name) => name in content))
    throw new SecretsDamagedError(file, 'it holds none of the secrets');
  return content as Record<string, string>;
}

function readIfThere(file: string, dataDir: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileUnusable(file, cause, dataDir);
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and with it a secret.
    throw new SecretsDamagedError(file, 'it is not JSON');
  }
}

/** A backup that was copied back may have another mode. */
function protect(file: string, dataDir: string): void {
  try {
    chmodSync(file, 0o600);
  } catch (cause) {
    throw fileUnusable(file, cause, dataDir);
  }
}
