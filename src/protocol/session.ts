import { type Static, Type } from 'typebox';
import { UserId } from './seat.ts';

/** Only users of sessions have ids with this prefix. */
export const sessionUserPrefix = 'u_';

export const SessionRequest = Type.Object(
  {
    token: Type.Optional(
      Type.Boolean({
        description: 'Whether a browser gets the token in the reply, for pages whose cookies are blocked',
      }),
    ),
  },
  { $id: 'SessionRequest', description: 'Options of a new or renewed session.' },
);

export const SessionInfo = Type.Object(
  {
    user_id: UserId,
    expires_at: Type.Number({ description: 'End of the session in Unix seconds, on the clock of the server' }),
    expires_in: Type.Optional(
      Type.Number({ description: 'Seconds until the end of the session, for clients whose clock differs' }),
    ),
  },
  { $id: 'SessionInfo', description: 'The user of a session, and when the session ends.' },
);
export type SessionInfo = Static<typeof SessionInfo>;

export const SessionReply = Type.Object(
  {
    ...SessionInfo.properties,
    token: Type.Optional(
      Type.String({
        description: 'For the header `Authorization: Bearer <token>`. A browser gets it only for `{"token": true}`',
      }),
    ),
  },
  { $id: 'SessionReply', description: 'The session, with its token for programs.' },
);
export type SessionReply = Static<typeof SessionReply>;

/** Not below /api/: no proxy in front of the booking processes passes it on. */
export const sessionBatchPath = '/sessions';

const maxTokenLength = 4096;
/** The characters of a JWT: none of them is escaped in JSON. */
const tokenForm = /^[\w.-]+$/;

/** False if the token cannot be one of a session. */
export const isTokenForm = (token: string): boolean => token.length <= maxTokenLength && tokenForm.test(token);

/** A token in the batches of an edge. */
export const BatchedToken = Type.String({ maxLength: maxTokenLength });

/** 128 tokens of usual length are 64 KiB. */
export const maxSessionsPerBatch = 128;

/** `POST /sessions`: an edge checks the sessions of its clients. */
export const SessionBatch = Type.Object({
  tokens: Type.Array(BatchedToken, { minItems: 1, maxItems: maxSessionsPerBatch }),
});

/** For each token, in order: null if it is not valid, or not valid any more. */
export const SessionBatchReply = Type.Object({ sessions: Type.Array(Type.Union([SessionInfo, Type.Null()])) });
