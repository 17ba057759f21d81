import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../process/error-facts.ts';

/** In NATS's data folder: the launcher writes the address of the NATS that it starts, so that tools find it on any port. */
export const addressFile = (natsDir: string): string => join(natsDir, 'address');

/** Undefined: no NATS was ever started with this folder. */
export function recordedAddress(natsDir: string): string | undefined {
  try {
    return readFileSync(addressFile(natsDir), 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
