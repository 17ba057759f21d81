/** The Redis or NATS that a setting names cannot be used. The message has the setting, the reason and the remedy. */
export class GivenServerError extends Error {
  override name = 'GivenServerError';
}
