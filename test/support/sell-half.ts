import { expect } from 'vitest';
import type { HoldReply } from '../../src/protocol/commands.ts';
import type { SeatingPlan } from '../../src/shows/seating-plan.ts';

const groupSize = 8;

/** Holds about half of the seats of a show, as groups of users who sit together and leave the rest of their row. */
export async function sellHalf(url: string, show: string, plan: SeatingPlan): Promise<number> {
  const groups: string[][] = [];
  for (const [nth, { start, end }] of plan.rows.entries()) {
    // Not the same part in each row.
    const from = start + ((nth * 3) % Math.max(1, end - start - groupSize + 1));
    groups.push(plan.ids.slice(from, Math.min(end, from + groupSize)));
  }
  let sold = 0;
  for (let at = 0; at < groups.length; at += 20) {
    const replies = groups.slice(at, at + 20).map(async (seats, nth) => {
      const response = await fetch(new URL(`/api/shows/${show}/holds`, url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ seats, user_id: `crowd-${at + nth}` }),
      });
      const reply = (await response.json()) as HoldReply;
      expect(reply).toMatchObject({ success: true });
      sold += seats.length;
    });
    await Promise.all(replies);
  }
  return sold;
}
