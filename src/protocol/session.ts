import { type Static, Type } from 'typebox';
import { UserId } from './seat.ts';

/** The cookie that carries a session's token for a page. */
export const sessionCookie = 'session';

/** Ids of sessions' users, and of nobody else. */
export const sessionUserPrefix = 'u_';

export const SessionInfo = Type.Object(
  {
    user_id: UserId,
    expires_at: Type.Number({ description: 'Unix seconds' }),
    expires_in: Type.Optional(Type.Number({ description: 'Seconds from now: needs no clock that agrees' })),
  },
  { $id: 'SessionInfo' },
);
export type SessionInfo = Static<typeof SessionInfo>;

export const SessionReply = Type.Object(
  { ...SessionInfo.properties, token: Type.String({ description: 'For programs: Authorization: Bearer <token>' }) },
  { $id: 'SessionReply' },
);
export type SessionReply = Static<typeof SessionReply>;
