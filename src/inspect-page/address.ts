/** What the page shows, as in its address: `#seat=A1`, `#seat=A1&at=17&epoch=…`, `#tab=connection-x1y2&follow`. */
export interface Address {
  machine: string;
  /** A seq: the moment right after it, in this epoch. */
  at?: number;
  epoch?: string;
  /** Chooses the seat of each new transition. */
  isFollowing: boolean;
}

export function readAddress(hash: string): Address {
  const fields = new URLSearchParams(hash.slice(1));
  const tab = fields.get('tab');
  const at = Number(fields.get('at') ?? Number.NaN);
  const epoch = fields.get('epoch');
  return {
    machine: tab ?? `seat-${fields.get('seat') ?? 'A1'}`,
    ...(Number.isInteger(at) && at >= 0 && { at }),
    ...(epoch && { epoch }),
    isFollowing: fields.has('follow'),
  };
}

export function addressOf({ machine, at, epoch, isFollowing }: Address): string {
  const seat = seatIdOf(machine);
  const fields = new URLSearchParams(seat ? { seat } : { tab: machine });
  if (at !== undefined) fields.set('at', String(at));
  if (epoch !== undefined) fields.set('epoch', epoch);
  return `#${fields}${isFollowing ? '&follow' : ''}`;
}

export const seatIdOf = (machine: string): string | undefined => /^seat-(.+)$/.exec(machine)?.[1];
