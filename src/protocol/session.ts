import { type Static, Type } from 'typebox';
import { UserId } from './seat.ts';

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
  {
    ...SessionInfo.properties,
    token: Type.Optional(
      Type.String({
        description: 'Authorization: Bearer <token>. A browser gets it only for `{"token": true}`',
      }),
    ),
  },
  { $id: 'SessionReply' },
);
export type SessionReply = Static<typeof SessionReply>;
