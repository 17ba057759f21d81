import type { SeatingPlan } from '../shows/seating-plan.ts';

/** The selection of the page, as in its address: `#seat=A1`, `#seat=A1&at=17&epoch=…`, `#tab=connection-x1y2&follow`. */
export interface Address {
  /** undefined: the address names none. */
  machine: string | undefined;
  /** A seq: the moment right after it, in this epoch. */
  at?: number;
  epoch?: string;
  /** Chooses the seat of each new transition. */
  isFollowing: boolean;
}

export function readAddress(hash: string): Address {
  const fields = new URLSearchParams(hash.slice(1));
  const seat = fields.get('seat');
  const at = Number(fields.get('at') ?? Number.NaN);
  const epoch = fields.get('epoch');
  return {
    machine: fields.get('tab') ?? (seat === null ? undefined : `seat-${seat}`),
    ...(Number.isInteger(at) && at >= 0 && { at }),
    ...(epoch && { epoch }),
    isFollowing: fields.has('follow'),
  };
}

export function addressOf({ machine, at, epoch, isFollowing }: Address & { machine: string }): string {
  const seat = seatIdOf(machine);
  const fields = new URLSearchParams(seat ? { seat } : { tab: machine });
  if (at !== undefined) fields.set('at', String(at));
  if (epoch !== undefined) fields.set('epoch', epoch);
  return `#${fields}${isFollowing ? '&follow' : ''}`;
}

export const seatIdOf = (machine: string): string | undefined => /^seat-(.+)$/.exec(machine)?.[1];

export const isOrder = (machine: string): boolean => machine.startsWith('order-');

/** The seat as the plan has it; it may be written in small letters. undefined: there is no such seat. */
export const seatIn = (plan: Pick<SeatingPlan, 'indexOf'>, text: string): string | undefined =>
  [text, text.toUpperCase()].find((id) => plan.indexOf(id) !== undefined);
