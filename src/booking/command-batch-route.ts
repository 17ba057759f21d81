import type { Logger } from 'pino';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { edgeKeyHeader } from '../identity/edge-key.ts';
import { type BatchedCommand, CommandBatch, commandBatchPath } from '../protocol/command-batch.ts';
import { errorCodes, errorDetail } from '../protocol/errors.ts';
import { spanContextOf, tracing } from '../tracing/tracing.ts';
import type { BatchedRoute } from './batched-command.ts';
import { type ReplyText, type Requester, replyText, sendText } from './command-handler.ts';
import { edgesOnly } from './edges-only.ts';
import type { Guard } from './guard.ts';
import { failureDetail } from './refusals.ts';

/** 128 commands of the largest size: 20 seats and a token of 4 KiB. */
const bodyLimitBytes = 768 * 1024;
const showPath = /^\/api\/shows\/([^/]+)(\/.+)$/;

interface CommandBatchOptions {
  guard: Guard;
  routes: readonly BatchedRoute[];
  access: Access;
  logger: Logger;
}

/**
 * `POST /commands`, for edges, which name the client of each command. Each command gets the reply of its own route, with all limits of
 * its client, and none is delayed by the failure of another. An edge whose address is not trusted is counted itself in place of
 * its clients.
 */
export function registerCommandBatchRoute(app: HttpApp, { guard, routes, access, logger }: CommandBatchOptions): void {
  const addressOf = countedAddress(access);
  const byPath = new Map(routes.map((route) => [route.path, route]));

  async function reply(requester: Requester, { path, body, key, attempt }: BatchedCommand): Promise<ReplyText> {
    try {
      await guard.countRequest(requester);
      const [, show = '', rest = ''] = showPath.exec(path) ?? [];
      const route = byPath.get(rest);
      if (!route) throw new RefusedError('NOT_FOUND', 'There is no such command');
      const headers = { 'idempotency-key': key, 'x-attempt': String(attempt) };
      return await route.reply(requester, show, body, headers);
    } catch (error) {
      const detail = failureDetail(error) ?? errorDetail('INTERNAL', 'Something went wrong here; it has been logged');
      app.countRefusal(detail.code, { ...requester, method: 'POST', url: path });
      if (detail.code === 'INTERNAL')
        logger.error({ err: error, reqId: requester.id }, 'A command failed unexpectedly');
      return replyText(errorCodes[detail.code].httpStatus, { success: false, error: detail });
    }
  }

  const schema = { hide: true, body: CommandBatch };
  // Before the body is read, which may be large.
  const onRequest = edgesOnly(access);
  app.post(commandBatchPath, { schema, bodyLimit: bodyLimitBytes, onRequest }, async (request, sent) => {
    const { socket, headers: own, ip } = request;
    const isTrusted = addressOf(request) === undefined;
    const replies = request.body.commands.map((command) => {
      const { address, token, request_id: id = request.id } = command;
      const headers = {
        ...(isTrusted && { 'x-forwarded-for': address }),
        ...(own[edgeKeyHeader] !== undefined && { [edgeKeyHeader]: own[edgeKeyHeader] }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      };
      const trace = tracing && spanContextOf(command.traceparent);
      return reply({ id, ip: isTrusted ? address : ip, headers, socket, trace }, command);
    });
    const texts = (await Promise.all(replies)).map(({ httpStatus, json }) => `{"status":${httpStatus},"body":${json}}`);
    return sendText(sent, { httpStatus: 200, json: `{"replies":[${texts.join()}]}` });
  });
}
