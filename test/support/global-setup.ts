import { installWithApt } from '../../src/launch/apt.ts';
import { findExecutable } from '../../src/launch/find-executable.ts';

const needed = ['redis-server', 'nats-server', 'nginx', 'chromium'];

/** The tests run against the real servers and a real browser: what is missing is installed, and nothing is skipped. */
export default async function setup(): Promise<void> {
  const missing = needed.filter((program) => !findExecutable(program));
  if (missing.length > 0) await installWithApt(missing, '.test-data/install.log', new AbortController().signal);
}
