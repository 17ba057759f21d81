/** A file that cannot be used. The message has a line for each problem. */
export class ShowFileError extends Error {
  override name = 'ShowFileError';
}
