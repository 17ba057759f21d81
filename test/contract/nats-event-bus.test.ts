import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BusDisconnectedError, NotAcknowledgedError } from '../../src/events/nats-link.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { natsBus, type TestBus } from '../support/nats-bus.ts';
import { patience } from '../support/patience.ts';
import { freePort, startNats, type TestServer } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { connected, eventBusContract, eventsOf, listening, listenTo } from './event-bus.contract.ts';

let server: TestServer;
/** Another subscriber of the same NATS, such as `nats sub "seats.>"`. */
let stranger: NatsConnection;

beforeAll(async () => {
  server = await startNats();
  stranger = await connect({ servers: server.url });
});
afterAll(async () => {
  await stranger?.close();
  await server?.stop();
});

async function newBus(url: string): Promise<TestBus> {
  const bus = natsBus({ url });
  await connected(bus);
  return bus;
}

const streamsOf = async (nats: NatsConnection) => (await jetstreamManager(nats)).streams;
const storedMessages = async (nats: NatsConnection) => (await (await streamsOf(nats)).info('SEATS')).state.messages;

describe('NatsEventBus', () => {
  eventBusContract((show) => natsBus({ url: server.url, show }));
});

describe('on the wire', () => {
  test('[R63] subjects and bodies follow the plan', async () => {
    const bus = await newBus(server.url);
    const { held, released, booked } = eventsOf('wire-1');
    const seen: [string, unknown][] = [];
    const subscription = stranger.subscribe('seats.>', {
      callback: (_, message) => {
        seen.push([message.subject, message.json()]);
      },
    });
    onTestFinished(() => subscription.unsubscribe());
    await stranger.flush();
    for (const event of [held(1), released(2), booked(3)]) await bus.publish(event);
    await vi.waitFor(() => expect(seen).toHaveLength(3), patience);
    expect(seen).toEqual([
      [
        'seats.held',
        {
          type: 'held',
          seat_id: 'A1',
          user_id: 'user123',
          status: 1,
          timestamp: '2023-11-14T22:13:20.000Z',
          expires_at: 1_700_000_030.5,
          epoch: 'wire-1',
          seq: 1,
        },
      ],
      [
        'seats.released',
        {
          type: 'released',
          seat_id: 'A1',
          user_id: 'user123',
          status: 0,
          timestamp: '2023-11-14T22:13:50.501Z',
          reason: 'expired',
          epoch: 'wire-1',
          seq: 2,
        },
      ],
      [
        'seats.booked',
        {
          type: 'booked',
          seat_id: 'A1',
          user_id: 'user123',
          status: 2,
          timestamp: '2023-11-14T22:13:21.000Z',
          epoch: 'wire-1',
          seq: 3,
        },
      ],
    ]);
  });

  test('[R595] the subjects of any other show than the default one contain its id, and the same stream stores its events', async () => {
    const bus = natsBus({ url: server.url, show: 'chamber' });
    await connected(bus);
    const { held, released, booked } = eventsOf('wire-5');
    const subjects: string[] = [];
    const subscription = stranger.subscribe('>', {
      callback: (_, { subject }) => {
        if (/chamber/.test(subject)) subjects.push(subject);
      },
    });
    onTestFinished(() => subscription.unsubscribe());
    await stranger.flush();
    const before = await storedMessages(stranger);
    for (const event of [held(1), released(2), booked(3)]) expect(await bus.publish(event)).toBe('stored');
    bus.publishHeartbeat({ epoch: 'wire-5', seq: 3, server_time: 1 });
    bus.publishPresence({ edge: 'a', clients: 1 });
    await vi.waitFor(() => expect(subjects).toHaveLength(5), patience);
    expect(subjects).toEqual([
      ...['seats.chamber.held', 'seats.chamber.released', 'seats.chamber.booked'],
      ...['venue.chamber.heartbeat', 'presence.chamber.edges'],
    ]);
    expect(await storedMessages(stranger)).toBe(before + 3);
  });

  test('[R62] on a slow connection, too, a listener is notified only when its subscription is in place', async () => {
    const proxy = await startTcpProxy(server.port);
    onTestFinished(() => proxy.close());
    const [from, slow] = [await newBus(server.url), await newBus(`nats://127.0.0.1:${proxy.port}`)];
    proxy.delay(50);
    const { held } = eventsOf('wire-6');
    const heard: SeatEvent[] = [];
    slow.subscribe({
      onEvent: (event) => heard.push(event),
      onConnected: (isConnected) => isConnected && void from.publish(held(1)),
    });
    await vi.waitFor(() => expect(heard).toEqual([held(1)]), patience);
  });

  test('[R64] the stream stores an event once, under its message id, however often it is published', async () => {
    const bus = await newBus(server.url);
    const other = await newBus(server.url);
    const { held, released } = eventsOf('wire-2');
    const before = await storedMessages(stranger);
    for (const publisher of [bus, bus, other]) await publisher.publish(held(1));
    await bus.publish(released(2));
    expect(await storedMessages(stranger)).toBe(before + 2);
    const { streams } = await jetstreamManager(stranger);
    const stored = await streams.getMessage('SEATS', { last_by_subj: 'seats.held' });
    expect(stored?.header.get('Nats-Msg-Id')).toBe('wire-2:1');
    expect(stored?.json()).toEqual(held(1));
  });

  test('[R64] the stream is stored in files and contains all of seats.>', async () => {
    await newBus(server.url);
    const { config } = await (await streamsOf(stranger)).info('SEATS');
    expect(config).toMatchObject({ subjects: ['seats.>'], storage: 'file', retention: 'limits' });
  });

  test('[G9] [R65] invalid messages on the subjects do not affect later events', async () => {
    const [from, to] = [await newBus(server.url), await newBus(server.url)];
    const heard = await listening(to);
    const { held } = eventsOf('wire-3');
    const garbage = [
      '',
      'no JSON',
      'null',
      '[]',
      '{}',
      '"text"',
      '{"type":"held"',
      new Uint8Array([0xff, 0xfe, 0x00]),
      JSON.stringify({ ...held(1), seq: '1' }),
      JSON.stringify({ ...held(1), seat_id: '<script>' }),
      JSON.stringify({ ...held(1), type: 'stolen' }),
    ];
    for (const body of garbage) {
      for (const subject of ['seats.held', 'seats.booked', 'seats.of.no.kind', 'venue.heartbeat']) {
        stranger.publish(subject, body);
      }
    }
    await stranger.flush();
    await from.publish(held(2));
    from.publishHeartbeat({ epoch: 'wire-3', seq: 2, server_time: 1 });
    await vi.waitFor(() => expect(heard.heartbeats).toEqual([{ epoch: 'wire-3', seq: 2, server_time: 1 }]), patience);
    expect(heard.events).toEqual([held(2)]);
  });

  test('[R65] a listener that throws does not affect later events', async () => {
    const [from, to] = [await newBus(server.url), await newBus(server.url)];
    to.subscribe({
      onEvent: () => {
        throw new Error('a listener threw');
      },
    });
    const heard = await listening(await newBus(server.url));
    const { held } = eventsOf('wire-4');
    const seqs: number[] = [];
    to.subscribe({ onEvent: ({ seq }) => seqs.push(seq), onHeartbeat: () => seqs.push(-1) });
    await listening(to);
    await from.publish(held(1));
    await vi.waitFor(() => {
      from.publishHeartbeat({ epoch: 'wire-4', seq: 2, server_time: 1 });
      expect(seqs, 'the connection still reads').toContain(-1);
    }, patience);
    expect(heard.events).toEqual([held(1)]);
  });
});

describe('NATS restarts', () => {
  async function ownServer() {
    const own = await startNats();
    onTestFinished(() => own.stop());
    return own;
  }

  test('[G6] [R66] killed and restarted: the listener is notified of both, and later events arrive', async () => {
    const own = await ownServer();
    const [from, to] = [await newBus(own.url), await newBus(own.url)];
    const heard = await listening(to);
    const { held, booked } = eventsOf('restart-1');
    await from.publish(held(1));
    await own.kill('SIGKILL');
    await vi.waitFor(() => expect(heard.connected).toEqual([true, false]), patience);
    await vi.waitFor(() => expect(from.connected).toBe(false), patience);
    await own.restart();
    await vi.waitFor(() => expect(heard.connected).toEqual([true, false, true]), patience);
    await connected(from);
    await from.publish(booked(2));
    await vi.waitFor(() => expect(heard.events.map(({ seq }) => seq)).toEqual([1, 2]), patience);
  });

  test('[R66] publishing while NATS is unavailable rejects at once, and nothing is queued', async () => {
    const own = await ownServer();
    const [from, to] = [await newBus(own.url), await newBus(own.url)];
    const heard = await listening(to);
    const { held } = eventsOf('restart-2');
    await own.kill('SIGKILL');
    await vi.waitFor(() => expect(from.connected).toBe(false), patience);
    await expect(from.publish(held(1))).rejects.toBeInstanceOf(BusDisconnectedError);
    from.publishHeartbeat({ epoch: 'restart-2', seq: 1, server_time: 1 });
    await own.restart();
    await connected(from);
    await connected(to);
    await from.publish(held(2));
    await vi.waitFor(() => expect(heard.events).toEqual([held(2)]), patience);
    expect(heard.heartbeats).toEqual([]);
  });

  test('[R66] publishing while NATS is stopped (SIGSTOP) rejects after the time-out; a retry after SIGCONT is stored once', async () => {
    const own = await ownServer();
    const bus = await newBus(own.url);
    const { held } = eventsOf('restart-3');
    await bus.publish(held(1));
    await own.kill('SIGSTOP');
    try {
      await expect(bus.publish(held(2))).rejects.toBeInstanceOf(NotAcknowledgedError);
    } finally {
      await own.kill('SIGCONT');
    }
    await vi.waitFor(() => bus.publish(held(2)), patience);
    const observer = await connect({ servers: own.url });
    onTestFinished(() => observer.close());
    expect(await storedMessages(observer)).toBe(2);
  });

  test('[R66] after the stream is deleted, publishing fails and recovers without a restart', async () => {
    const own = await ownServer();
    const bus = await newBus(own.url);
    const { held } = eventsOf('restart-4');
    await bus.publish(held(1));
    const observer = await connect({ servers: own.url });
    onTestFinished(() => observer.close());
    await (await streamsOf(observer)).delete('SEATS');
    await expect(bus.publish(held(2))).rejects.toBeInstanceOf(NotAcknowledgedError);
    await vi.waitFor(() => bus.publish(held(2)), patience);
    expect(await storedMessages(observer)).toBe(1);
  });

  test('[R66] NATS restarts without its data: the stream is created again', async () => {
    const port = await freePort();
    const first = await startNats({ port });
    const bus = natsBus({ url: first.url });
    await connected(bus);
    const { held } = eventsOf('restart-5');
    await bus.publish(held(1));
    await first.stop();
    await vi.waitFor(() => expect(bus.connected).toBe(false), patience);
    const second = await startNats({ port });
    onTestFinished(() => second.stop());
    await connected(bus);
    await vi.waitFor(() => bus.publish(held(2)), patience);
  });

  test('[R66] NATS starts after the bus: the bus connects then', async () => {
    const port = await freePort();
    const bus = natsBus({ url: `nats://127.0.0.1:${port}` });
    const heard = listenTo(bus);
    expect(bus.connected).toBe(false);
    const { held } = eventsOf('restart-6');
    await expect(bus.publish(held(1))).rejects.toBeInstanceOf(BusDisconnectedError);
    const late = await startNats({ port });
    onTestFinished(() => late.stop());
    await connected(bus);
    expect(heard.connected).toEqual([true]);
    await bus.publish(held(1));
    const from = await newBus(late.url);
    await from.publish(held(2));
    await vi.waitFor(() => expect(heard.events).toEqual([held(2)]), patience);
  });

  test('[R62] after close nothing arrives, and a second close does nothing', async () => {
    const own = await ownServer();
    const [from, to, witness] = [await newBus(own.url), await newBus(own.url), await newBus(own.url)];
    const [heard, byWitness] = [await listening(to), await listening(witness)];
    await to.close();
    await to.close();
    await from.publish(eventsOf('close-2').held(1));
    await vi.waitFor(() => expect(byWitness.events).toHaveLength(1), patience);
    expect(heard.events).toEqual([]);
  });

  test('[R62] a bus that never connected can be closed', async () => {
    const bus = natsBus({ url: `nats://127.0.0.1:${await freePort()}` });
    await bus.close();
    expect(bus.connected).toBe(false);
  });

  test('[R62] a bus that lost its server can be closed', async () => {
    const own = await ownServer();
    const bus = natsBus({ url: own.url });
    await connected(bus);
    await own.kill('SIGKILL');
    await vi.waitFor(() => expect(bus.connected).toBe(false), patience);
    await bus.close();
  });

  test('[R62] a bus that loses its server during close is closed', async () => {
    const own = await ownServer();
    const bus = natsBus({ url: own.url });
    await connected(bus);
    await own.kill('SIGSTOP');
    const closing = bus.close();
    const closed = expect(closing).resolves.toBeUndefined();
    await own.kill('SIGKILL');
    await closed;
  });

  test('[R62] close sends the messages in flight', async () => {
    const own = await ownServer();
    const from = natsBus({ url: own.url });
    await connected(from);
    const heard = await listening(await newBus(own.url));
    const { held } = eventsOf('close-1');
    const publishing = Array.from({ length: 50 }, (_, i) => from.publish(held(i + 1)).catch(() => {}));
    await from.close();
    await Promise.all(publishing);
    await vi.waitFor(() => expect(heard.events).toHaveLength(50), patience);
  });
});
