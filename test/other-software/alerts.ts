import { execFileSync } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import { installMissing, installTimeoutMs } from './install-missing.ts';

const promtool = '/usr/bin/promtool';
const run = (...args: string[]) => execFileSync(promtool, args, { cwd: 'deploy/prometheus', encoding: 'utf8' });
beforeAll(() => installMissing({ prometheus: promtool }), installTimeoutMs);

test('[R985] promtool takes the alerts, and they fire when they should and not before', () => {
  expect(run('check', 'config', 'prometheus.yaml')).toContain('SUCCESS');
  expect(run('test', 'rules', 'alerts.test.yaml')).toContain('SUCCESS');
});
