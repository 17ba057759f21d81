import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import openapiTypes, { type OpenAPI3 } from 'openapi-typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCodes } from '../../src/protocol/errors.ts';
import { type ApiDocument, documentOf, operationsOf, startApiOfFile, type TestApi } from './api-fixture.ts';

let api: TestApi;
let document: ApiDocument;
beforeAll(async () => {
  api = await startApiOfFile();
  document = await documentOf(api);
});
afterAll(() => api.app.close());

describe('[R445] the API document', () => {
  test('lists every route that is not a page', () => {
    expect(
      operationsOf(document)
        .map(([name, { operationId }]) => `${name} ${operationId}`)
        .toSorted(),
    ).toEqual([
      'GET /api/events listEvents',
      'GET /api/orders/{id} getOrder',
      'GET /api/seats listSeats',
      'GET /api/session getSession',
      'GET /api/shows listShows',
      'GET /api/shows/{show} getShow',
      'GET /api/shows/{show}/events listShowEvents',
      'GET /api/shows/{show}/orders listOrders',
      'GET /api/shows/{show}/plan/{hash} getPlan',
      'GET /api/shows/{show}/seats listShowSeats',
      'GET /api/shows/{show}/venue getShowVenue',
      'GET /api/tickets/{code} getTicket',
      'GET /api/venue getVenue',
      'GET /health getHealth',
      'GET /metrics getMetrics',
      'GET /ready getReadiness',
      'POST /api/orders/{id}/cancel cancelOrder',
      'POST /api/payments/{provider}/webhook receivePaymentMessage',
      'POST /api/seats/book bookSeat',
      'POST /api/seats/release releaseSeat',
      'POST /api/seats/select selectSeat',
      'POST /api/session beginSession',
      'POST /api/shows/{show}/holds holdSeats',
      'POST /api/shows/{show}/holds/book bookHold',
      'POST /api/shows/{show}/holds/extend extendHold',
      'POST /api/shows/{show}/holds/release releaseHold',
      'POST /api/shows/{show}/orders createOrder',
      'POST /api/shows/{show}/seats/book bookShowSeat',
      'POST /api/shows/{show}/seats/release releaseShowSeat',
      'POST /api/shows/{show}/seats/select selectShowSeat',
    ]);
  });

  test('introduces the API, and describes every operation, parameter, reply and field', () => {
    expect(document.info.description.length).toBeGreaterThan(500);
    for (const [name, { summary, description, parameters = [], responses }] of operationsOf(document)) {
      for (const text of [summary, description, ...parameters.map((each) => each.description)]) {
        expect(text, name).toMatch(/\w+ \w+/);
      }
      for (const [status, reply] of Object.entries(responses)) {
        expect(reply.description, `${name} ${status}`).toMatch(/^(?!Default Response).*\w+ \w+/);
      }
    }
    for (const [name, { description, properties = {} }] of Object.entries(document.components.schemas)) {
      expect(description, name).toMatch(/\w+ \w+/);
      for (const [field, schema] of Object.entries(properties)) {
        const isSelfEvident = '$ref' in schema || ['success', 'error'].includes(field);
        if (!isSelfEvident) expect(schema.description, `${name}.${field}`).toMatch(/\w/);
      }
    }
  });

  test('names its schemas', () => {
    expect(Object.keys(document.components.schemas).toSorted()).toEqual([
      ...['CommandBody', 'CommandReply', 'ErrorReply', 'EventsAfter', 'HoldActionBody', 'HoldBody', 'HoldReply'],
      ...['OrderBody', 'OrderList', 'OrderReply', 'Seat', 'SeatEvent', 'SessionInfo', 'SessionReply', 'SessionRequest'],
      ...['ShowDetails', 'ShowList', 'TicketReply', 'VenueState'],
    ]);
    const seats = document.paths['/api/seats']?.get?.responses[200]?.content?.['application/json']?.schema;
    expect(seats).toMatchObject({ type: 'array', items: { $ref: '#/components/schemas/Seat' } });
    expect(JSON.stringify(document)).not.toContain('def-');
  });

  test('documents authentication: a session by header or cookie, for guests also none', async () => {
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: 'http' },
      cookie: { type: 'apiKey', name: 'session' },
    });
    expect(document.paths['/api/seats/book']?.post?.security).toEqual([{ bearer: [] }, { cookie: [] }, {}]);
    const strict = await startApiOfFile({ access: { authMode: 'required', sessionCookie: 'other' } });
    const strictDocument = await documentOf(strict);
    await strict.app.close();
    expect(strictDocument.paths['/api/seats/book']?.post?.security).toEqual([{ bearer: [] }, { cookie: [] }]);
    expect(strictDocument.components.securitySchemes.cookie).toMatchObject({ name: 'other' });
  });

  test('marks the body of a session request as optional, those of commands as required', () => {
    expect(document.paths['/api/session']?.post?.requestBody?.required).toBe(false);
    expect(document.paths['/api/seats/select']?.post?.requestBody?.required).toBe(true);
  });

  test('each error code is documented for some operation', () => {
    const text = operationsOf(document).flatMap(([, { responses }]) =>
      Object.values(responses).map((each) => each.description),
    );
    const routing: string[] = ['METHOD_NOT_ALLOWED'];
    const missing = Object.keys(errorCodes).filter((code) => !text.some((each) => each.includes(`\`${code}\``)));
    expect(missing).toEqual(routing);
  });
});

test('[R446] Redocly finds no error and no warning in the API document', async () => {
  const config = await createConfig({ extends: ['recommended'] });
  const lint = async (linted: object) => {
    const problems = await lintFromString({ source: JSON.stringify(linted), config });
    return problems.map(({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`);
  };
  expect(await lint(document)).toEqual([]);
  expect(await lint({ ...document, paths: { '/x': { get: { responses: {} } } } })).toContain(
    'operation-summary #/paths/~1x/get/summary',
  );
});

test('[R447] TypeScript types generated from the API document agree with the schemas of the code', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-api-'));
  const protocol = (file: string) => JSON.stringify(resolve('src/protocol', file));
  writeFileSync(join(folder, 'api.ts'), await openapiTypes(structuredClone(document) as unknown as OpenAPI3));
  writeFileSync(
    join(folder, 'client.ts'),
    `import type { components, operations } from './api.ts';
import type { CommandBody, CommandReply, ErrorReply, HoldReply } from ${protocol('commands.ts')};
import type { EventsAfter } from ${protocol('events.ts')};
import type { OrderList, OrderReply, TicketReply } from ${protocol('order.ts')};
import type { Seat } from ${protocol('seat.ts')};
import type { ShowDetails, ShowList } from ${protocol('show.ts')};
import type { SessionInfo, SessionReply } from ${protocol('session.ts')};
import type { VenueState } from ${protocol('venue.ts')};

type Json<Id extends keyof operations, Status> = operations[Id]['responses'] extends infer Replies
  ? Status extends keyof Replies ? Replies[Status] extends { content: { 'application/json': infer Body } } ? Body : never : never : never;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same: [
  Same<Json<'listSeats', 200>, Seat[]>,
  Same<Json<'getVenue', 200>, VenueState>,
  Same<Json<'listEvents', 200>, EventsAfter>,
  Same<Json<'selectSeat', 200>, CommandReply>,
  Same<Json<'bookSeat', 409>, ErrorReply>,
  Same<Json<'beginSession', 200>, SessionReply>,
  Same<Json<'getSession', 200>, SessionInfo>,
  Same<Json<'listShowSeats', 200>, Seat[]>,
  Same<Json<'listShows', 200>, ShowList>,
  Same<Json<'getShow', 200>, ShowDetails>,
  Same<Json<'holdSeats', 200>, HoldReply>,
  Same<Json<'createOrder', 201>, OrderReply>,
  Same<Json<'listOrders', 200>, OrderList>,
  Same<Json<'getTicket', 200>, TicketReply>,
  Same<components['schemas']['CommandBody'], CommandBody>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true];
// @ts-expect-error A reply that differs is noticed.
const different: Same<Json<'getVenue', 200>, Seat> = true;
console.log(same, different);
`,
  );
  const options = '--noEmit --strict --skipLibCheck --target es2023 --module esnext --moduleResolution bundler';
  const tsc = [...options.split(' '), '--ignoreConfig', '--allowImportingTsExtensions', '--types', 'node'];
  const root = ['--typeRoots', resolve('node_modules/@types')];
  await promisify(execFile)(resolve('node_modules/.bin/tsc'), [...tsc, ...root, join(folder, 'client.ts')]).catch(
    ({ stdout }) => expect(stdout).toBe(''),
  );
});
