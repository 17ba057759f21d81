import { openSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { LogDestination } from '../../src/process/log-destination.ts';
import { patience } from '../support/patience.ts';

const entry = (number: number) => `${JSON.stringify({ number, text: 'x'.repeat(1_000) })}\n`;

/** A disk that can be full: it then accepts nothing, or only a first part. */
function fakeDisk() {
  const disk = { text: '', isFull: false, takesFirst: 0, attempts: 0 };
  const losses: [number, string][] = [];
  const destination = new LogDestination(
    1,
    (lost, cause) => {
      losses.push([lost, cause]);
      destination.write('{"lost":true}\n');
    },
    (_fd, data, done) =>
      void setImmediate(() => {
        disk.attempts++;
        const taken = disk.isFull ? data.subarray(0, disk.takesFirst) : data;
        disk.takesFirst = 0;
        disk.text += taken;
        if (taken.length > 0) done(null, taken.length);
        else done(new Error('ENOSPC: no space left on device, write'), 0);
      }),
  );
  return { disk, losses, destination, lines: () => disk.text.trimEnd().split('\n') };
}

test('[R300] full disk: entries wait; those that do not fit are lost, and their number is written once there is space', async () => {
  const { disk, losses, destination, lines } = fakeDisk();
  disk.isFull = true;
  disk.takesFirst = 10;
  const total = 1_000;
  for (let i = 0; i < total; i++) destination.write(entry(i));
  await vi.waitFor(() => expect(disk.attempts).toBeGreaterThan(2), patience);
  disk.isFull = false;
  await vi.waitFor(() => expect(losses).toHaveLength(1), patience);
  await vi.waitFor(() => expect(lines().at(-1)).toBe('{"lost":true}'), patience);
  const [[lost, cause]] = losses as [[number, string]];
  expect(cause).toContain('ENOSPC');
  expect(lost).toBeGreaterThan(500);
  // No line is truncated, and none is missing in the middle.
  expect(lines().slice(0, -1)).toEqual(Array.from({ length: total - lost }, (_, i) => entry(i).trimEnd()));
  destination.write(entry(total));
  await vi.waitFor(() => expect(lines().at(-1)).toBe(entry(total).trimEnd()), patience);
  expect(losses).toHaveLength(1);
});

test('[R300] a short outage loses nothing, and is not reported', async () => {
  const { disk, losses, destination, lines } = fakeDisk();
  disk.isFull = true;
  for (let i = 0; i < 10; i++) destination.write(entry(i));
  await vi.waitFor(() => expect(disk.attempts).toBeGreaterThan(1), patience);
  disk.isFull = false;
  await vi.waitFor(() => expect(lines()).toHaveLength(10), patience);
  expect(losses).toEqual([]);
});

test('[R300] a device that is always full causes no exception', async () => {
  // Never closed: the destination keeps writing to it, and its number would soon be that of a socket of another test.
  const fd = openSync('/dev/full', 'w');
  const destination = new LogDestination(fd, () => {});
  const errors: unknown[] = [];
  const note = (error: unknown) => errors.push(error);
  process.on('uncaughtException', note);
  for (let i = 0; i < 50; i++) destination.write(entry(i));
  await new Promise((resolve) => setTimeout(resolve, 250));
  destination.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('uncaughtException', note);
  expect(errors).toEqual([]);
});

test('[R300] settle() waits for a slow reader; for one that does not read, only until the write counts as blocked', async () => {
  const slow = new LogDestination(
    1,
    () => {},
    (_fd, data, done) => void setTimeout(done, 50, null, data.length),
  );
  let isSettled = false;
  slow.write(entry(1));
  const settled = slow.settle().then(() => (isSettled = true));
  expect(isSettled).toBe(false);
  await settled;
  expect(slow.isBlocked).toBe(false);

  const blocked = new LogDestination(
    1,
    () => {},
    () => {},
  );
  blocked.write(entry(1));
  expect(blocked.isBlocked).toBe(false);
  await blocked.settle();
  expect(blocked.isBlocked).toBe(true);
});
