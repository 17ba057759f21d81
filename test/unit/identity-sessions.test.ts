import { type JWTHeaderParameters, SignJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { actingUser } from '../../src/identity/acting-user.ts';
import { newSessionKey, parseSessionKeys, SessionKeysError } from '../../src/identity/session-keys.ts';
import { InvalidSessionError, Sessions } from '../../src/identity/sessions.ts';

const hourMs = 3_600_000;
const [oldKey, newKey] = [newSessionKey(), newSessionKey()];

const sessionsWith = (keys: string, ttlMs = hourMs, maxAgeMs = 30 * 24 * hourMs) =>
  new Sessions({ keys: parseSessionKeys(keys), ttlMs, maxAgeMs });
const isRefused = (verified: Promise<unknown>) => expect(verified).rejects.toBeInstanceOf(InvalidSessionError);

afterEach(() => {
  vi.useRealTimers();
});

describe('[R220] a session token', () => {
  test('identifies its bearer: a user that cannot be guessed, different each time', async () => {
    const sessions = sessionsWith(newKey);
    const [one, other] = [await sessions.issue(), await sessions.issue()];
    expect(one.userId).toMatch(/^u_[\w-]{22}$/);
    expect(other.userId).not.toBe(one.userId);
    const { token, ...session } = one;
    expect(await sessions.verify(token)).toEqual(session);
  });

  test('expires at its end, even if it was verified before', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const sessions = sessionsWith(newKey, hourMs);
    const { token } = await sessions.issue();
    await sessions.verify(token);
    vi.advanceTimersByTime(hourMs - 1_000);
    await sessions.verify(token);
    vi.advanceTimersByTime(1_001);
    await isRefused(sessions.verify(token));
    await isRefused(sessionsWith(newKey).verify(token));
  });

  test('keeps its user when it is renewed', async () => {
    const sessions = sessionsWith(newKey);
    const session = await sessions.issue();
    expect((await sessions.verify((await sessions.issue(session)).token)).userId).toBe(session.userId);
  });

  test('of an old key is valid while that key is accepted, and no longer', async () => {
    const { token } = await sessionsWith(oldKey).issue();
    expect((await sessionsWith(`${newKey},${oldKey}`).verify(token)).userId).toMatch(/^u_/);
    await isRefused(sessionsWith(newKey).verify(token));
  });

  test('[R346] [G8] a renewed session ends with the key that signed its first token', async () => {
    const both = sessionsWith(`${newKey},${oldKey}`);
    const first = await sessionsWith(oldKey).issue();
    const renewed = await both.issue(await both.verify(first.token));
    const again = await both.issue(await both.verify(renewed.token));
    for (const { token } of [renewed, again]) {
      expect((await both.verify(token)).userId).toBe(first.userId);
      await isRefused(sessionsWith(newKey).verify(token));
    }
    const { token } = await both.issue();
    expect((await sessionsWith(newKey).verify(token)).userId).toMatch(/^u_/);
  });

  test('[R347] no renewal outlives the maximum age of a session, counted from its first token', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const sessions = sessionsWith(newKey, hourMs, 2.5 * hourMs);
    const startedAtMs = Math.floor(Date.now() / 1000) * 1000;
    let session = await sessions.issue();
    for (let halfHours = 1; halfHours < 5; halfHours++) {
      vi.advanceTimersByTime(hourMs / 2);
      session = await sessions.issue(await sessions.verify(session.token));
    }
    expect(session.expiresAtMs - startedAtMs).toBe(2.5 * hourMs);
    await isRefused(sessionsWith(newKey, hourMs, hourMs).verify(session.token)); // lowered since
    vi.advanceTimersByTime(hourMs / 2);
    await isRefused(sessions.verify(session.token));
  });
});

describe('[R220] [G8] an invalid token is refused', () => {
  const { signing } = parseSessionKeys(newKey);
  const sign = (
    change: (jwt: SignJWT) => SignJWT,
    { secret = signing.secret, header = { alg: 'HS256', kid: signing.id } as JWTHeaderParameters } = {},
  ) =>
    change(
      new SignJWT({})
        .setProtectedHeader(header)
        .setSubject('u_victim')
        .setIssuer('concert-booking')
        .setAudience('concert-booking')
        .setIssuedAt()
        .setExpirationTime('1h'),
    ).sign(secret);
  const asItIs = (jwt: SignJWT) => jwt;
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  test('the same token without a defect is accepted: these tests can fail', async () => {
    expect((await sessionsWith(newKey).verify(await sign(asItIs))).userId).toBe('u_victim');
  });

  test.each<[string, () => Promise<string> | string]>([
    ['nothing', () => ''],
    ['no token at all', () => 'a.b.c'],
    ['another secret', () => sign(asItIs, { secret: new Uint8Array(32) })],
    ['an unknown key', () => sign(asItIs, { header: { alg: 'HS256', kid: 'nobody' } })],
    ['no key named', () => sign(asItIs, { header: { alg: 'HS256' } })],
    [
      'another algorithm',
      () =>
        sign(asItIs, {
          header: { alg: 'HS512', kid: signing.id },
          secret: Buffer.concat([signing.secret, signing.secret]),
        }),
    ],
    ['another issuer', () => sign((jwt) => jwt.setIssuer('somebody'))],
    ['another audience', () => sign((jwt) => jwt.setAudience('somebody'))],
    [
      'no end',
      () =>
        new SignJWT({ sub: 'u_victim', iss: 'concert-booking', aud: 'concert-booking' })
          .setProtectedHeader({ alg: 'HS256', kid: signing.id })
          .sign(signing.secret),
    ],
    ['an end that was', () => sign((jwt) => jwt.setExpirationTime('1 second ago'))],
    ['a user id that is not of a session', () => sign((jwt) => jwt.setSubject('alice'))],
    ['[R348] a user id with a line break', () => sign((jwt) => jwt.setSubject('u_a\nb'))],
    ['[R348] a user id with a wildcard', () => sign((jwt) => jwt.setSubject('u_*'))],
    ['[R348] a user id that is too long', () => sign((jwt) => jwt.setSubject(`u_${'x'.repeat(63)}`))],
    [
      '[R346] no time of issue',
      () =>
        new SignJWT({ sub: 'u_victim', iss: 'concert-booking', aud: 'concert-booking', exp: 9_999_999_999 })
          .setProtectedHeader({ alg: 'HS256', kid: signing.id })
          .sign(signing.secret),
    ],
    [
      'no signature',
      () => `${base64({ alg: 'none', kid: signing.id })}.${base64({ sub: 'u_victim', exp: 9_999_999_999 })}.`,
    ],
  ])('%s', async (_, make) => {
    await isRefused(sessionsWith(newKey).verify(await make()));
  });

  test('a changed payload', async () => {
    const sessions = sessionsWith(newKey);
    const [header, payload = '', signature] = (await sessions.issue()).token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    await isRefused(sessions.verify(`${header}.${base64({ ...claims, sub: 'u_victim' })}.${signature}`));
  });
});

describe('[R221] session keys', () => {
  test.each([
    ['nothing', ''],
    ['no secret', 'k1'],
    ['a short secret', `k1:${Buffer.alloc(31).toString('base64url')}`],
    ['an id that is none', `k 1:${Buffer.alloc(32).toString('base64url')}`],
    ['one id twice', `${newKey},${newKey}`],
  ])('%s is refused', (_, text) => {
    expect(() => parseSessionKeys(text)).toThrow(SessionKeysError);
  });
});

describe('[R222] [G8] the acting user', () => {
  const session = { userId: 'u_alice', expiresAtMs: 0 };

  test.each([
    ['guest', session, undefined, 'u_alice'],
    ['guest', session, 'u_alice', 'u_alice'],
    ['guest', undefined, 'bob', 'bob'],
    ['required', session, undefined, 'u_alice'],
  ] as const)('%s, %j, naming %s: %s', (authMode, given, claimed, expected) => {
    expect(actingUser(authMode, given, claimed)).toBe(expected);
  });

  test.each([
    ['guest', session, 'bob', 'FORBIDDEN'],
    ['guest', session, 'u_bob', 'FORBIDDEN'],
    ['guest', undefined, 'u_alice', 'FORBIDDEN'],
    ['guest', undefined, undefined, 'INVALID_REQUEST'],
    ['required', undefined, 'bob', 'UNAUTHENTICATED'],
    ['required', undefined, undefined, 'UNAUTHENTICATED'],
    ['required', session, 'bob', 'FORBIDDEN'],
  ] as const)('%s, %j, naming %s: refused as %s', (authMode, given, claimed, code) => {
    expect(() => actingUser(authMode, given, claimed)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ code }) }),
    );
  });
});
