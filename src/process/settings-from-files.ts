import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.ts';
import { messageOf } from './error-facts.ts';

type Env = Record<string, string | undefined>;

/**
 * `REDIS_URL_FILE=/run/secrets/redis-url` gives the setting `REDIS_URL`, for each of `names`, as containers are given
 * their secrets; a setting that is there itself counts before its file. Throws a `ConfigError` where one cannot be read.
 */
export function withSettingsFromFiles(names: readonly string[], env: Env): Env {
  const complete = { ...env };
  for (const name of names) {
    const file = env[`${name}_FILE`];
    if (file && !env[name]) complete[name] = readSetting(`${name}_FILE`, file);
  }
  return complete;
}

function readSetting(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ConfigError(`${setting}: ${messageOf(cause)}`, { cause });
  }
}
