import { RefusedError } from '../http/refused-error.ts';
import type { AuthMode } from '../process/config.ts';
import { sessionUserPrefix } from '../protocol/session.ts';
import { InvalidSessionError, type Session, type Sessions } from './sessions.ts';

/** The session of the first valid token. Rejects with a `RefusedError` if there are tokens but none is valid. */
export async function sessionOf(sessions: Sessions, tokens: readonly string[]): Promise<Session | undefined> {
  let failure: InvalidSessionError | undefined;
  for (const token of tokens) {
    try {
      return await sessions.verify(token);
    } catch (cause) {
      if (!(cause instanceof InvalidSessionError)) throw cause;
      failure ??= cause;
    }
  }
  if (failure) throw new RefusedError('UNAUTHENTICATED', failure.message, { cause: failure });
  return undefined;
}

/** The user of the session; without a session, for guests, the user that the caller claims to be. Throws a `RefusedError`. */
export function actingUser(
  authMode: AuthMode,
  session: Pick<Session, 'userId'> | undefined,
  claimed: string | undefined,
): string {
  if (session) {
    if (claimed === undefined || claimed === session.userId) return session.userId;
    throw new RefusedError('FORBIDDEN', 'The session belongs to another user');
  }
  if (authMode === 'required') throw new RefusedError('UNAUTHENTICATED', 'A session is required: POST /api/session');
  if (claimed === undefined) throw new RefusedError('INVALID_REQUEST', 'user_id is missing, and there is no session');
  if (claimed.startsWith(sessionUserPrefix)) {
    throw new RefusedError('FORBIDDEN', `A user id that begins with ${sessionUserPrefix} requires its session`);
  }
  return claimed;
}
