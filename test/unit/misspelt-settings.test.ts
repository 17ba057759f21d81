import { describe, expect, test } from 'vitest';
import { launchSettingNames } from '../../src/launch/launch-config.ts';
import { misspeltSettings } from '../../src/process/misspelt-settings.ts';

const warningsOf = (...names: string[]) =>
  misspeltSettings(Object.fromEntries(names.map((name) => [name, '1'])), launchSettingNames);

describe('[R441] a misspelt setting', () => {
  test.each([
    ['HOLD_SECOND', 'HOLD_SECONDS'],
    ['HTTP_PROT', 'HTTP_PORT'],
    ['EDGE_PORT', 'EDGE_PORTS'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['hold_seconds', 'HOLD_SECONDS'],
    ['MAX_HOLD_PER_USERS', 'MAX_HOLDS_PER_USER'],
    ['SESSION_KEY_FILE', 'SESSION_KEYS_FILE'],
    ['VENEU', 'VENUE'],
  ])('%s is pointed out, with %s', (name, near) => {
    expect(warningsOf(name)).toEqual([`${name} is not a setting and has no effect. Did you mean ${near}?`]);
  });

  test('the settings and their files give no warning', () => {
    expect(warningsOf(...launchSettingNames, ...launchSettingNames.map((name) => `${name}_FILE`))).toEqual([]);
  });

  test('variables of other programs give no warning', () => {
    const foreign = [
      ...[
        'PATH',
        'HOME',
        'HOSTNAME',
        'HOSTS',
        'PORTS',
        'SHELL',
        'LOGNAME',
        'LANG',
        'TERM',
        'DEBUG',
        'EDITOR',
        'VISUAL',
      ],
      ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'NODE_ENV', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'DOCKER_HOST'],
      ...['REDIS_HOST', 'REDIS_PASSWORD', 'REDIS_PORT_6379_TCP_PORT', 'NATS_HOST', 'NATS_SERVICE_PORT', 'DATABASE_URL'],
      ...['SESSION_MANAGER', 'SESSION_SECRET', 'XDG_DATA_DIRS', 'LOG_FORMAT', 'SSH_AUTH_SOCK', 'npm_config_user_agent'],
    ];
    expect(warningsOf(...foreign)).toEqual([]);
  });
});
