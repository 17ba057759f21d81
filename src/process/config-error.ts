/** A setting that is missing or invalid. The message names it and the values that it accepts. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
