import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorDetail, errorCodes, errorDetail } from '../protocol/errors.ts';

/** For Fastify's `clientErrorHandler`: data that is not HTTP gets the same error reply as any other bad request. */
export function replyToClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const detail = detailOf(error);
  const { httpStatus } = errorCodes[detail.code];
  const body = JSON.stringify({ success: false, error: detail });
  socket.end(
    `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus]}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function detailOf({ code }: NodeJS.ErrnoException): ErrorDetail {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return errorDetail('INVALID_REQUEST', 'The request did not arrive in time');
  if (code === 'HPE_HEADER_OVERFLOW') return errorDetail('TOO_LARGE', 'The headers are too large');
  return errorDetail('INVALID_REQUEST', 'This is not an HTTP request that can be read');
}
