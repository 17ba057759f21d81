import { type Static, Type } from 'typebox';
import { BatchedToken } from './session.ts';

/** Not below /api/: no proxy in front of the booking processes passes it on. */
export const commandBatchPath = '/commands';

/** An edge sends the rest of a turn in further requests. */
export const maxCommandsPerBatch = 128;

/** A command of one client of an edge: the HTTP request that it stands for. */
export const BatchedCommand = Type.Object({
  path: Type.String({ maxLength: 128 }),
  body: Type.Object({}, { additionalProperties: true }),
  address: Type.String({ minLength: 1, maxLength: 64, description: 'IP address of the client' }),
  token: Type.Optional(BatchedToken),
  request_id: Type.Optional(Type.String({ pattern: '^[\\w.-]{1,64}$' })),
  traceparent: Type.Optional(Type.String({ maxLength: 128, description: 'Of its trace, as the header' })),
  key: Type.String({ pattern: '^[A-Za-z0-9_-]{16,64}$', description: 'As Idempotency-Key' }),
  attempt: Type.Integer({ minimum: 1, maximum: 999, description: 'As X-Attempt' }),
});
export type BatchedCommand = Static<typeof BatchedCommand>;

/**
 * `POST /commands`: the commands of an edge's clients on one show in one turn of its event loop. The reply is
 * `{"replies": [{"status", "body"}]}`: to each command, in order, that of its own route.
 */
export const CommandBatch = Type.Object({
  commands: Type.Array(BatchedCommand, { minItems: 1, maxItems: maxCommandsPerBatch }),
});
export type CommandBatch = Static<typeof CommandBatch>;
