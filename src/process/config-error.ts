/** A setting that cannot be used. The message names the setting, its value and the remedy. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
