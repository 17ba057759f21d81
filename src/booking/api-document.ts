import { ok as assert } from 'node:assert/strict';
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import packageJson from '../../package.json' with { type: 'json' };
import { isObject } from '../process/is-object.ts';
import { CommandBody, CommandReply, ErrorReply, HoldActionBody, HoldBody, HoldReply } from '../protocol/commands.ts';
import { type ErrorCode, errorCodes } from '../protocol/errors.ts';
import { EventsAfter, SeatEvent } from '../protocol/events.ts';
import { OrderBody, OrderList, OrderReply, TicketReply } from '../protocol/order.ts';
import { Seat } from '../protocol/seat.ts';
import { SessionInfo, SessionReply, SessionRequest } from '../protocol/session.ts';
import { ShowDetails, ShowList } from '../protocol/show.ts';
import { VenueState } from '../protocol/venue.ts';
import { errorMeanings } from './error-meanings.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For the API document only: nothing of it is checked or serialised at run time. */
    apiDocument?: RouteDocument;
  }
}

interface RouteDocument {
  /** Error codes besides those of every route. */
  refusals?: readonly ErrorCode[];
  /** Headers of a 200, by name: what they mean. */
  headers?: Record<string, string>;
  /** Present: the route replies 304 too. */
  notModified?: string;
}

type Json = Record<string, unknown>;

const introduction = `A live seat map: hold a seat, then book it or release it. Every process of the system gives the same replies.

**Hold, then book.** \`POST /api/seats/select\` holds an available seat for \`hold_seconds\` (see \`GET /api/venue\`). \`POST /api/seats/book\` books a seat that you hold.
A hold that is not booked ends at its \`expires_at\`.

**Authentication.** \`POST /api/session\` starts a guest session. Programs send its token as \`Authorization: Bearer <token>\`; browsers send the cookie. Without a session a
caller names itself by \`user_id\`, unless the server has \`AUTH_MODE=required\`.

**Errors.** Every refusal has the form \`{"success": false, "error": {"code", "message", "retryable"}}\`, with the seat if one is concerned. If \`retryable\` is true, the same
request may succeed later. Every 429 and 503 has \`Retry-After\`.

**Retries.** Repeating a command is safe. With an \`Idempotency-Key\` it takes effect at most once within 15 s; retries also send \`X-Attempt: 2\`, \`3\`, …

**Limits.** Each session, and each address without one, has a number of points per second. A command costs 1 point; reads of the whole venue cost more in large venues.

**Updates.** \`GET /api/events\` returns the changes after a position. A WebSocket at \`/ws\` pushes them; docs/protocol.md of the project describes its messages.`;

const tags = [
  { name: 'seats', description: 'Commands: hold, book and release a seat.' },
  { name: 'holds', description: 'Commands on several seats: all of them or none.' },
  { name: 'shows', description: 'What is on sale: shows, prices and seating plans.' },
  { name: 'orders', description: 'Checkout, where the operator has configured a payment provider.' },
  { name: 'venue', description: 'Reads that need no session: the seats, the venue and its history.' },
  { name: 'session', description: 'Guest sessions, which prove who acts.' },
  { name: 'operation', description: 'Health and metrics of one booking process.' },
];

const sessionSchemes = [{ bearer: [] }, { cookie: [] }];
/** For `security` of a route's schema. */
export const sessionNeeded = sessionSchemes;
export const sessionOptional = [...sessionSchemes, {}];

/** Schemas with a name: a reference takes the place of each, wherever it appears. */
const namedSchemas = [
  ...[Seat, SeatEvent, VenueState, EventsAfter, CommandBody, CommandReply, ErrorReply],
  ...[HoldBody, HoldActionBody, HoldReply],
  ...[ShowList, ShowDetails],
  ...[OrderBody, OrderReply, OrderList, TicketReply],
  ...[SessionRequest, SessionInfo, SessionReply],
];

const commonRefusals: readonly ErrorCode[] = ['RATE_LIMITED', 'INTERNAL'];

/** Options of @fastify/swagger. */
export function apiDocument(sessionCookie: string): FastifyDynamicSwaggerOptions {
  const optionalBodies = new Set<string>();
  return {
    openapi: {
      openapi: '3.0.3',
      info: {
        title: packageJson.name,
        version: packageJson.version,
        description: introduction,
        license: { name: packageJson.license, url: 'https://opensource.org/license/mit' },
      },
      servers: [{ url: '/', description: 'The server that serves this document' }],
      tags,
      components: {
        schemas: Object.fromEntries(namedSchemas.map((schema) => [nameOf(schema), definitionOf({ ...schema })])),
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The `token` that `POST /api/session` returns.',
          },
          cookie: {
            type: 'apiKey',
            in: 'cookie',
            name: sessionCookie,
            description: 'Browsers receive and send it by themselves.',
          },
        },
      },
    },
    transform({ schema, url, route }) {
      if (!schema || schema.hide) return { schema: { ...schema, hide: true }, url };
      if (mayBeMissing(schema.body)) optionalBodies.add(url);
      return { schema: documented(schema, url, route.config?.apiDocument ?? {}), url };
    },
    // @fastify/swagger marks every body as required.
    transformObject(document) {
      if (!('openapiObject' in document)) return document.swaggerObject;
      for (const url of optionalBodies) {
        const body = document.openapiObject.paths?.[url]?.post?.requestBody;
        if (body && 'required' in body) body.required = false;
      }
      return document.openapiObject;
    },
  };
}

function documented(schema: FastifySchema, url: string, document: RouteDocument): FastifySchema {
  const { refusals = [], headers, notModified } = document;
  const forbidden: ErrorCode[] = url.startsWith('/api/') ? ['FORBIDDEN'] : [];
  const replies = Object.entries(objectOf(schema.response ?? {})).map(([status, reply]): [string, Json] => [
    status,
    { ...referencedObject(objectOf(reply)), description: objectOf(reply).description },
  ]);
  const response = Object.fromEntries(replies);
  if (headers) response[200] = { ...response[200], headers: headerSchemas(headers) };
  if (notModified) response[304] = { type: 'null', description: notModified };
  return {
    security: [],
    ...schema,
    ...(schema.body !== undefined && { body: bodySchema(schema.body) }),
    response: { ...response, ...refusalReplies([...new Set([...refusals, ...forbidden, ...commonRefusals])]) },
  };
}

/** One reply per HTTP status; its description lists the codes. */
function refusalReplies(codes: readonly ErrorCode[]): Record<string, Json> {
  const statuses = new Set(codes.map((code) => errorCodes[code].httpStatus));
  const withStatus = (status: number) => codes.filter((code) => errorCodes[code].httpStatus === status);
  return Object.fromEntries([...statuses].map((status) => [status, refusalReply(status, withStatus(status))]));
}

function refusalReply(status: number, codes: readonly ErrorCode[]): Json {
  const description = codes.map((code) => `\`${code}\`: ${errorMeanings[code]}`).join('\n\n');
  const retryAfter = { 'Retry-After': 'Whole seconds to wait before the next attempt, 1 or more.' };
  return {
    ...referenceTo(ErrorReply),
    description,
    ...((status === 429 || status === 503) && { headers: headerSchemas(retryAfter, 'integer') }),
  };
}

const headerSchemas = (headers: Record<string, string>, type = 'string'): Json =>
  Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { type, description }]));

/** Without the `null` that means "no body" to Fastify. */
function bodySchema(body: unknown): Json {
  const [variant, ...others] = variantsOf(body).filter(({ type }) => type !== 'null');
  return referencedObject(variant && others.length === 0 ? variant : { anyOf: [variant, ...others] });
}

const mayBeMissing = (body: unknown): boolean =>
  body !== undefined && variantsOf(body).some(({ type }) => type === 'null');

function variantsOf(schema: unknown): Json[] {
  const { anyOf } = objectOf(schema);
  return Array.isArray(anyOf) ? anyOf.map(objectOf) : [objectOf(schema)];
}

function objectOf(schema: unknown): Json {
  assert(isObject(schema), 'a schema must be an object');
  return schema;
}

function nameOf(schema: object): string {
  assert('$id' in schema && typeof schema.$id === 'string', 'a schema that is referenced must have a name');
  return schema.$id;
}

const referenceTo = (schema: object): Json => ({ $ref: `#/components/schemas/${nameOf(schema)}` });
const definitionOf = ({ $id: _, ...schema }: Json): Json => referencedObject(schema);

/** A copy of a schema in which a reference takes the place of each named one. */
function referenced(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(referenced);
  return isObject(schema) ? referencedObject(schema) : schema;
}

function referencedObject(schema: Json): Json {
  if ('$id' in schema) return referenceTo(schema);
  // Keywords of our own are for messages.
  const entries = Object.entries(schema).filter(([key]) => key !== 'errorMessage');
  return Object.fromEntries(entries.map(([key, value]) => [key, referenced(value)]));
}
