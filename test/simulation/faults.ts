import type { Random } from './random.ts';

/** Faults of single messages: the probability of each. */
export interface MessageFaults {
  storeRequestLost: number;
  storeReplyLost: number;
  storeSlow: number;
  /** A process whose replies overtake each other, as over several connections. */
  storeUnordered: number;
  busSlow: number;
  busDuplicate: number;
  busPublishLost: number;
  busAckLost: number;
  httpLost: number;
  httpSlow: number;
}

/** Faults of the system at a moment: the number of each in a history. */
export interface Incidents {
  storeDown: number;
  /** Accepts everything, sends no reply, and executes it later (SIGSTOP). */
  storeHang: number;
  /** One process's connection. */
  storeCut: number;
  storeWipe: number;
  storeRestore: number;
  storeClockJump: number;
  busDown: number;
  /** NATS works, and JetStream does not. */
  busStoresNothing: number;
  busDisconnect: number;
  /** Receives nothing, without detecting it. */
  busDeaf: number;
  bookingKill: number;
  bookingKillAll: number;
  bookingPause: number;
  bookingStop: number;
  edgeKill: number;
  edgePause: number;
  /** The hosts' time of day, which nothing may depend on. */
  hostClockJump: number;
}

export interface Faults {
  message: MessageFaults;
  incidents: Incidents;
}

export const noFaults: Faults = {
  message: {
    storeRequestLost: 0,
    storeReplyLost: 0,
    storeSlow: 0,
    storeUnordered: 0,
    busSlow: 0,
    busDuplicate: 0,
    busPublishLost: 0,
    busAckLost: 0,
    httpLost: 0,
    httpSlow: 0,
  },
  incidents: {
    storeDown: 0,
    storeHang: 0,
    storeCut: 0,
    storeWipe: 0,
    storeRestore: 0,
    storeClockJump: 0,
    busDown: 0,
    busStoresNothing: 0,
    busDisconnect: 0,
    busDeaf: 0,
    bookingKill: 0,
    bookingKillAll: 0,
    bookingPause: 0,
    bookingStop: 0,
    edgeKill: 0,
    edgePause: 0,
    hostClockJump: 0,
  },
};

const thoseWhoKnow = { bookingKill: 0, bookingKillAll: 0, bookingStop: 0, bookingPause: 0, storeCut: 0 };

/** Some kinds of faults, never all at once: a history with every kind hides the effect of two of them. */
export function chooseFaults(random: Random): Faults {
  const share = random.pick([0, 0.1, 0.2, 0.4]);
  const probability = () => (random.chance(share) ? random.pick([0.01, 0.05, 0.2]) : 0);
  const times = () => (random.chance(share) ? random.int(1, 3) : 0);
  const chosen = <T extends object>(kinds: T, choose: () => number): T =>
    Object.fromEntries(Object.keys(kinds).map((kind) => [kind, choose()])) as T;
  const message = chosen(noFaults.message, probability);
  const incidents = chosen(noFaults.incidents, times);
  // Only a process that has seen newer events detects an older copy: it must run and be connected.
  if (incidents.storeRestore > 0) Object.assign(incidents, thoseWhoKnow);
  return { message, incidents };
}
