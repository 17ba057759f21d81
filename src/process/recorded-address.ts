import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from './error-facts.ts';

/** In the data folder of a server: the launcher writes the address of the server that it starts, so that tools find it on any port. */
export const addressFile = (serverDir: string): string => join(serverDir, 'address');

/** Undefined: no such server was ever started with this folder. */
export function recordedAddress(serverDir: string): string | undefined {
  try {
    return readFileSync(addressFile(serverDir), 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
