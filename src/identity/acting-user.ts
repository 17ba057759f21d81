import { RefusedError } from '../http/refused-error.ts';
import { sessionUserPrefix } from '../protocol/session.ts';
import type { AuthMode } from './auth-mode.ts';
import { InvalidSessionError, type Session, type Sessions } from './sessions.ts';

/** Rejects with a `RefusedError` where there is a token that is not (or no longer) good. */
export async function sessionOf(sessions: Sessions, token: string | undefined): Promise<Session | undefined> {
  try {
    return token === undefined ? undefined : await sessions.verify(token);
  } catch (cause) {
    if (!(cause instanceof InvalidSessionError)) throw cause;
    throw new RefusedError('UNAUTHENTICATED', cause.message, { cause });
  }
}

/** Who acts: the session says so, if there is one; else, for guests, the caller. Throws a `RefusedError`. */
export function actingUser(authMode: AuthMode, session: Session | undefined, claimed: string | undefined): string {
  if (session) {
    if (claimed === undefined || claimed === session.userId) return session.userId;
    throw new RefusedError('FORBIDDEN', 'The session is that of another user');
  }
  if (authMode === 'required') throw new RefusedError('UNAUTHENTICATED', 'A session is needed: POST /api/session');
  if (claimed === undefined) throw new RefusedError('INVALID_REQUEST', 'user_id is missing, and there is no session');
  if (claimed.startsWith(sessionUserPrefix)) {
    throw new RefusedError('FORBIDDEN', `Users whose id begins with ${sessionUserPrefix} act by their session alone`);
  }
  return claimed;
}
