/** A given Redis or NATS that cannot be used. The message names the setting, the reason and the remedy. */
export class GivenServerError extends Error {
  override name = 'GivenServerError';
}
