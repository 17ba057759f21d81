import type { Heartbeat } from './events.ts';

/** The installation and the venue that a message on NATS is about. Older processes do not name them. */
export type Origin = Pick<Heartbeat, 'system' | 'venue'>;

/** True if the message names another system or venue than ours. A name that either side does not know excludes nothing. */
export function isForeign(message: Origin, own: Origin): boolean {
  return differs(message.system, own.system) || differs(message.venue, own.venue);
}

const differs = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other;
