import { expect, onTestFinished, test, vi } from 'vitest';
import { faultTestTimeoutMs } from './expect-proven.ts';
import { type FaultVenue, sharedFaultVenue } from './fault-venue.ts';
import { pause, until } from './time.ts';
import { VenueClient } from './venue-client.ts';
import { readVenueRecord } from './venue-log.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const freshVenue = sharedFaultVenue({ edges: 1, holdSeconds: 30 });

async function oneUser(venue: FaultVenue): Promise<VenueClient> {
  const user = new VenueClient({ userId: 'alice', urls: venue.edges.map(({ url }) => url) });
  onTestFinished(() => user.close());
  await until('alice is live', () => user.isLive);
  return user;
}

test('[G4] a release whose reply was lost, and that the edge retries at another process, is not reported as failed', async () => {
  const venue = await freshVenue();
  const user = await oneUser(venue);
  expect(await user.ask('select', 'A1')).toMatchObject({ kind: 'decided' });
  const [preferred] = venue.links.edgeToBooking;
  preferred?.swallowReplies(true);
  const asked = user.ask('release', 'A1');
  await until('it was done', async () => (await readVenueRecord(venue.admin)).events.length === 2);
  preferred?.heal();
  const reply = await asked;
  expect(reply, 'done, or that it cannot be told').not.toHaveProperty('refusal');
});

test('[G4] a suspended booking process that resumes does not execute a select that another process has decided', async () => {
  const venue = await freshVenue();
  const user = await oneUser(venue);
  const [preferred] = venue.bookings;
  await preferred?.kill('SIGSTOP');
  expect(await user.ask('select', 'A1')).toMatchObject({ kind: 'decided', seats: [{ status: 1 }] });
  expect(await user.ask('release', 'A1')).toMatchObject({ kind: 'decided', seats: [{ status: 0 }] });
  await preferred?.kill('SIGCONT');
  await until('it is awake', async () => (await fetch(`${preferred?.url}/ready`)).ok);
  await pause(500);
  const { events } = await readVenueRecord(venue.admin);
  expect(events.map(({ type }) => type)).toEqual(['held', 'released']);
});
