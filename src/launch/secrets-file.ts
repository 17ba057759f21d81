import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSessionKey } from '../identity/session-keys.ts';
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

const newPassword = () => randomBytes(24).toString('base64url');

export function secretsIn(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Secrets>) : {};
  const secrets: Secrets = {
    installationId: randomBytes(4).toString('hex'),
    sessionKeys: newSessionKey(),
    redisAdminPassword: newPassword(),
    redisBookingPassword: newPassword(),
    natsBookingPassword: newPassword(),
    natsEdgePassword: newPassword(),
    ...known,
  };
  mkdirSync(dataDir, { recursive: true });
  writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}
