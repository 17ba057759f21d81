/** A setting that is missing or out of bounds. The message names each and says what it may be. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
