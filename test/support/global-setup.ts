import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installWithApt } from '../../src/launch/apt.ts';
import { findExecutable } from '../../src/launch/find-executable.ts';

const needed = [
  'redis-server',
  'nats-server',
  'nginx',
  'postgres',
  'initdb',
  'chromium-headless-shell',
  'docker-compose',
];

/**
 * The tests run against the real servers and a real browser: missing ones are installed, and no test is skipped.
 * The temporary files of the tests and browsers are deleted at the end of the run.
 */
export default async function setup(): Promise<() => void> {
  const missing = needed.filter((program) => !findExecutable(program));
  try {
    if (missing.length > 0) await installWithApt(missing, '.test-data/install.log', new AbortController().signal);
  } catch (error) {
    const isReplaceable = (program: string) => program === 'chromium-headless-shell' && findExecutable('chromium');
    if (!needed.every((program) => findExecutable(program) ?? isReplaceable(program))) throw error;
  }
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-tests-'));
  chmodSync(folder, 0o711); // Postgres never runs as root, and its data is in here
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
