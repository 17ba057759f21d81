/** The kinds of messages, by the first letter of their type: `{"type":"SEAT_UPDATE"…`. */
export const kinds = { seatUpdate: 'S'.charCodeAt(0), venueState: 'V'.charCodeAt(0), ack: 'A'.charCodeAt(0) } as const;

const typeOffset = '{"type":"'.length;
const seqKey = Buffer.from('"seq":');
const digit0 = '0'.charCodeAt(0);

export const kindAt = (bytes: Buffer, start: number): number => bytes[start + typeOffset] as number;

/** The seq of a SEAT_UPDATE, without parsing the JSON. No id can contain quotes. */
export function seqIn(bytes: Buffer, start: number, end: number): number {
  const found = bytes.indexOf(seqKey, start);
  if (found < 0 || found >= end) return Number.NaN;
  let seq = 0;
  for (let at = found + seqKey.length; at < end; at++) {
    const digit = (bytes[at] ?? 0) - digit0;
    if (!(digit >= 0 && digit <= 9)) break;
    seq = seq * 10 + digit;
  }
  return seq;
}

/** The position of a VENUE_STATE, which precedes its seats. */
export function positionAfter(bytes: Buffer, start: number, end: number): { epoch: string; seq: number } {
  const header = bytes.toString('utf8', start, Math.min(end, start + 500));
  const epoch = /"epoch":"([^"]*)"/.exec(header)?.[1] ?? '';
  return { epoch, seq: Number(/"seq":(\d+)/.exec(header)?.[1]) };
}
