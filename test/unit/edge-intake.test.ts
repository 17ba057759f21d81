import { expect, test } from 'vitest';
import { Intake } from '../../src/edge/intake.ts';
import { limitsOf } from '../../src/edge/limits.ts';
import { TokenBucket } from '../../src/edge/token-bucket.ts';
import { loadEdgeConfig } from '../../src/process/config.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { startEdge, until } from './edge-fixture.ts';

const limits = { messagesPerSecond: 50, messageBytes: 4096 };

/** Connections of one address on one clock. */
function setUp(rate: { burst: number; perSecond: number }) {
  const clock = new VirtualClock();
  const ofAddress = new TokenBucket(rate, () => clock.nowMs());
  const connect = () => {
    const connection = { isRead: true, rests: 0 };
    const ws = {
      pause: () => {
        connection.isRead = false;
      },
      resume: () => {
        connection.isRead = true;
      },
    };
    const rested = () => {
      connection.rests++;
    };
    const intake = new Intake({ ws, limits, owner: { maxHolds: 6, rested }, ofAddress, clock });
    return Object.assign(connection, { intake });
  };
  return { clock, connect };
}

test('[R336] [G9] while an address exceeds its limit, each connection is read at its share: a quiet one hardly waits', () => {
  const { clock, connect } = setUp({ burst: 100, perSecond: 1 });
  const [flooder, neighbour] = [connect(), connect()];
  for (let n = 0; n < 40; n++) flooder.intake.countFrame();
  expect(flooder.isRead, 'within the burst').toBe(true);
  clock.increment(1_000);
  for (let n = 0; n < 50; n++) expect(flooder.intake.countFrame(), 'that is no flood').toBe(true);
  clock.increment(1_000);
  for (let n = 0; n < 20; n++) flooder.intake.countFrame();
  neighbour.intake.countFrame();
  expect([flooder.isRead, neighbour.isRead]).toEqual([false, false]);
  clock.increment(200);
  expect([flooder.isRead, neighbour.isRead], 'one message at 5 a second').toEqual([false, true]);
  clock.increment(3_700);
  expect(flooder.isRead, '20 messages at 5 a second').toBe(false);
  clock.increment(100);
  expect([flooder.isRead, flooder.rests]).toEqual([true, 1]);
});

test('[R336] [G10] bytes count, too: fragments are not read faster', () => {
  const { clock, connect } = setUp({ burst: 100, perSecond: 1 });
  const flooder = connect();
  flooder.intake.countBytes(90 * 1024);
  expect(flooder.isRead).toBe(true);
  flooder.intake.countBytes(10 * 1024);
  expect(flooder.isRead).toBe(false);
  clock.increment(9_900);
  expect(flooder.isRead).toBe(false);
  clock.increment(100);
  expect(flooder.isRead, 'no longer than a live client is silent').toBe(true);
});

test('[R336] a client that is paused for two reasons is read again when both are gone', () => {
  const { clock, connect } = setUp({ burst: 1, perSecond: 1 });
  const client = connect();
  for (let n = 0; n < 5; n++) client.intake.countFrame();
  client.intake.pause('behind');
  clock.increment(5_000);
  expect(client.isRead).toBe(false);
  client.intake.resume('behind');
  expect(client.isRead).toBe(true);
});

test('[R336] [G9] a full lecture hall holds and books at once, within the default limits', () => {
  const { messagesPerAddress } = limitsOf(loadEdgeConfig({}));
  const { connect } = setUp(messagesPerAddress as { burst: number; perSecond: number });
  const pages = Array.from({ length: 200 }, connect);
  for (const { intake } of pages) {
    for (let n = 0; n < 13; n++) {
      intake.countFrame(); // PING, six seats held, six booked
      intake.countBytes(120);
    }
  }
  expect(pages.filter(({ isRead }) => !isRead)).toEqual([]);
});

test('[R336] [G9] an edge keeps reading other addresses, and the neighbours of a connection that sends too much', async () => {
  const { app, connect } = await startEdge({
    limits: { messagesPerSecond: 50, messagesPerAddress: { burst: 20, perSecond: 0.001 } },
    door: { trustedProxies: ['127.0.0.1'] },
  });
  const from = (address: string) => connect(undefined, { 'x-forwarded-for': address });
  const [busy, neighbour, other] = [await from('203.0.113.7'), await from('203.0.113.7'), await from('203.0.113.8')];
  for (let n = 0; n < 40; n++) busy.ws.send('{"type":"PING"}');
  const throttled = async () => /^edge_clients_throttled_total (\d+)/m.exec((await app.inject('/metrics')).body)?.[1];
  await expect.poll(throttled).toBe('1');
  for (const client of [neighbour, other]) client.ws.send('{"type":"PING"}');
  await Promise.all([neighbour.received('ACK'), other.received('ACK')]);
  busy.ws.send('{"type":"PING"}');
  for (let n = 2; n <= 4; n++) {
    neighbour.ws.send('{"type":"PING"}');
    await neighbour.received('ACK', n);
  }
  expect(busy.ofType('ACK').length, 'its last PING waits').toBeLessThan(41);
  await until(() => busy.ws.readyState === busy.ws.OPEN, 'it is not closed');
});
