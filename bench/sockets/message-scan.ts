const code = (letter: string): number => letter.charCodeAt(0);

/** The kinds of messages, by the first letter of their type, or the fifth if the first is an S: `{"type":"SEAT_UPDATE"…`. */
export const kinds = { seatUpdate: code('_'), seats: code('S'), venueState: code('V'), ack: code('A') } as const;

const typeOffset = '{"type":"'.length;
const changesStart = Buffer.from('{"type":"SEATS","data":{"epoch"');
const seqKey = Buffer.from('"seq":');
const digit0 = '0'.charCodeAt(0);

export function kindAt(bytes: Buffer, start: number): number {
  const first = bytes[start + typeOffset] as number;
  return first === kinds.seats ? (bytes[start + typeOffset + 4] as number) : first;
}

/** Whether a SEATS has only changes. */
export const hasChanges = (bytes: Buffer, start: number): boolean =>
  bytes.compare(changesStart, 0, changesStart.length, start, start + changesStart.length) === 0;

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

/** The position of a VENUE_STATE or SEATS, which precedes its seats. */
export function positionAfter(bytes: Buffer, start: number, end: number): { epoch: string; seq: number } {
  const header = bytes.toString('utf8', start, Math.min(end, start + 500));
  const epoch = /"epoch":"([^"]*)"/.exec(header)?.[1] ?? '';
  return { epoch, seq: Number(/"seq":(\d+)/.exec(header)?.[1]) };
}
