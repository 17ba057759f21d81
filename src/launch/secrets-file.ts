import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSessionKey } from '../identity/session-keys.ts';
import { codeOf } from '../process/error-facts.ts';
import { isObject } from '../process/is-object.ts';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';
import { writePrivately } from './write-privately.ts';

/** Created once per data folder, so that they stay the same in the next run; readable only by the owner. */
export interface Secrets {
  /** Unique id of this installation on the host: eight hexadecimal digits. Not a secret. */
  installationId: string;
  sessionKeys: string;
  redisAdminPassword: string;
  redisBookingPassword: string;
  natsBookingPassword: string;
  natsEdgePassword: string;
  /** Of its superuser in containers. `./start.sh` keeps that of its own Postgres beside the data. */
  postgresAdminPassword: string;
  postgresOwnerPassword: string;
  postgresBookingPassword: string;
  postgresViewerPassword: string;
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

const newSecrets = (): Secrets => ({
  installationId: randomBytes(4).toString('hex'),
  sessionKeys: newSessionKey(),
  redisAdminPassword: newPassword(),
  redisBookingPassword: newPassword(),
  natsBookingPassword: newPassword(),
  natsEdgePassword: newPassword(),
  postgresAdminPassword: newPassword(),
  postgresOwnerPassword: newPassword(),
  postgresBookingPassword: newPassword(),
  postgresViewerPassword: newPassword(),
});

/** Adds missing secrets, e.g. to a file of an older version. Throws if the file is damaged, without changing it. */
export function secretsIn(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  makeFolder(dataDir);
  const known = knownSecrets(file, dataDir);
  const created = newSecrets();
  const secrets = { ...created, ...known };
  if (Object.keys(created).every((name) => name in known)) protect(file, dataDir);
  else writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

function knownSecrets(file: string, dataDir: string): Partial<Secrets> {
  const text = readIfThere(file, dataDir);
  if (text === undefined) return {};
  if (text.trim() === '') throw new SecretsDamagedError(file, 'it is empty');
  const content = parse(file, text);
  requireIntact(file, content);
  return content;
}

function requireIntact(file: string, content: unknown): asserts content is Partial<Secrets> {
  if (!isObject(content)) throw new SecretsDamagedError(file, 'it is not a JSON object');
  const names = Object.keys(newSecrets()).filter((name) => name in content);
  for (const name of names) {
    const value = content[name];
    if (typeof value !== 'string' || value === '') throw new SecretsDamagedError(file, `${name} is not a string`);
  }
  if (names.length === 0) throw new SecretsDamagedError(file, 'it holds none of the secrets');
}

function readIfThere(file: string, dataDir: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
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

/** A restored backup may have another mode. */
function protect(file: string, dataDir: string): void {
  try {
    chmodSync(file, 0o600);
  } catch (cause) {
    throw fileUnusable(file, cause, dataDir);
  }
}
