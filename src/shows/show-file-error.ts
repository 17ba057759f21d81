import { ConfigError } from '../process/config-error.ts';

/** A show file that cannot be used, with the reason and the place in it. */
export class ShowFileError extends ConfigError {
  override name = 'ShowFileError';
}
