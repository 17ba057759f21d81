import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSessionKey } from '../identity/session-keys.ts';

/** The session keys of a data folder, made when it is new: sessions outlive a restart, and all processes know them. */
export function sessionKeysIn(dataDir: string): string {
  const file = join(dataDir, 'session-keys');
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, `${newSessionKey()}\n`, { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(file, 'utf8').trim().split(/\s+/).join(',');
}
