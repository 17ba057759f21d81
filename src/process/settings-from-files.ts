import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.ts';
import { messageOf } from './error-facts.ts';

type Env = Record<string, string | undefined>;

/**
 * `REDIS_URL_FILE=/run/secrets/redis-url` sets `REDIS_URL` to the content of that file, for each of `names`: the convention
 * for secrets of containers. A setting itself takes precedence over its file. Throws a `ConfigError` if a file cannot be read.
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
    const reason = messageOf(cause);
    throw new ConfigError(`${setting}=${JSON.stringify(file)}: must be a file that this process can read (${reason})`, {
      cause,
    });
  }
}
