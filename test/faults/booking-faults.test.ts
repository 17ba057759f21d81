import { expect, test, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import { expectProven, faultTestTimeoutMs, limitMs } from './expect-proven.ts';
import { runFault } from './fault-run.ts';
import { sharedFaultVenue } from './fault-venue.ts';
import { notPublishedOnce } from './published.ts';
import { nowMs, pause } from './time.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const freshVenue = sharedFaultVenue({ holdSeconds: 3, withNginx: true });

test('[G2] [G7] kill -9 of one of two booking processes under load: no user waits longer than 2 s, nothing is lost', async () => {
  const result = await runFault(
    'booking kill -9',
    { venue: await freshVenue(), throughNginx: true },
    async ({ venue }) => {
      const beganAtMs = nowMs();
      await venue.bookings[0]?.kill('SIGKILL');
      return { beganAtMs, endedAtMs: nowMs() };
    },
  );
  expectProven(result);
  expect(result.interruptedMs).toBeLessThan(limitMs);
});

test('[G6] kill -9 of a booking process between its commits and their publishing: another one publishes them, once', async () => {
  const result = await runFault(
    'booking kill -9 before publish',
    { venue: await freshVenue() },
    async ({ venue, load }) => {
      const beganAtMs = nowMs();
      venue.links.bookingToNats[0]?.hang();
      await load.decides(100);
      await venue.bookings[0]?.kill('SIGKILL');
      return { beganAtMs, endedAtMs: nowMs() };
    },
  );
  expectProven(result);
  const { nats } = result.venue;
  await vi.waitFor(async () => expect(await notPublishedOnce(nats.url, result.record.events)).toEqual([]), patience);
});

test('[G6] kill -9 of every booking process between commit and publish: once restarted they publish it, once', async () => {
  const result = await runFault(
    'all booking kill -9 before publish',
    { venue: await freshVenue() },
    async ({ venue, load }) => {
      const { bookingToNats } = venue.links;
      for (const link of bookingToNats) link.hang();
      await load.decides(50);
      const beganAtMs = nowMs();
      for (const booking of venue.bookings) await booking.kill('SIGKILL');
      for (const link of bookingToNats) link.heal();
      await Promise.all(venue.bookings.map((booking) => booking.restart()));
      return { beganAtMs, endedAtMs: nowMs() };
    },
  );
  expectProven(result);
  const { nats } = result.venue;
  await vi.waitFor(async () => expect(await notPublishedOnce(nats.url, result.record.events)).toEqual([]), patience);
});

test('[G1] [G4] [G5] a suspended booking process (SIGSTOP) that resumes makes no wrong decision', async () => {
  const result = await runFault('booking SIGSTOP', { venue: await freshVenue(), thinkMs: 60 }, async ({ venue }) => {
    const beganAtMs = nowMs();
    await venue.bookings[0]?.kill('SIGSTOP');
    await pause(3_500);
    await venue.bookings[0]?.kill('SIGCONT');
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
});
