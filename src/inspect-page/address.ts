/** What the page shows, as its address says it: `#seat=A1`, `#seat=A1&at=17&epoch=…`, `#tab=connection-x1y2`. */
export interface Address {
  machine: string;
  /** A seq: the moment right after it, of this epoch. */
  at?: number;
  epoch?: string;
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
  };
}

export function addressOf({ machine, at, epoch }: Address): string {
  const seat = seatIdOf(machine);
  const fields = new URLSearchParams(seat ? { seat } : { tab: machine });
  if (at !== undefined) fields.set('at', String(at));
  if (epoch !== undefined) fields.set('epoch', epoch);
  return `#${fields}`;
}

export const seatIdOf = (machine: string): string | undefined => /^seat-(.+)$/.exec(machine)?.[1];
