import { existsSync } from 'node:fs';
import { installWithApt } from '../../src/launch/apt.ts';

/** By package of Debian: a program that it installs. */
export type Packages = Record<string, string>;

/** For `beforeAll`. */
export const installTimeoutMs = 600_000;

/** Rejects with the reason if a package cannot be installed, so that its tests fail and are not skipped. */
export async function installMissing(packages: Packages): Promise<void> {
  const missing = Object.keys(packages).filter((name) => !existsSync(packages[name] ?? ''));
  if (missing.length === 0) return;
  await installWithApt(missing, '.test-data/install.log', AbortSignal.timeout(installTimeoutMs));
}
