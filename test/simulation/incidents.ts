import type { Incidents } from './faults.ts';
import type { BookingProcess } from './simulated-booking.ts';
import type { BusServer } from './simulated-bus.ts';
import type { EdgeProcess } from './simulated-edge.ts';
import type { StoreServer } from './simulated-store.ts';
import type { World } from './world.ts';

/** A process has ended by then after SIGTERM. */
export const closesWithinMs = 5_000;

const backups = 5;

export interface System {
  world: World;
  store: StoreServer;
  bus: BusServer;
  bookings: BookingProcess[];
  edges: EdgeProcess[];
  /** Replaces the previous one. */
  startBooking(index: number): void;
  startEdge(index: number): void;
  setHostClocks(byMs: number): void;
}

/** Plans every incident for some moment before `untilMs`. Each ends by itself, at the latest with the faults. */
export function planIncidents(system: System, incidents: Incidents, untilMs: number): void {
  const { world, store } = system;
  const moment = () => world.random.int(100, untilMs);
  if (incidents.storeRestore > 0) {
    for (let i = 0; i < backups; i++) world.at(moment(), () => store.backup());
  }
  for (const kind of Object.keys(incidents) as (keyof Incidents)[]) {
    for (let i = 0; i < incidents[kind]; i++) {
      world.at(moment(), () => {
        world.count(`incident ${kind}`);
        world.trace(() => `INCIDENT ${kind}`);
        strike(system, kind);
      });
    }
  }
}

function strike(system: System, kind: keyof Incidents): void {
  const { world, store, bus } = system;
  const { random } = world;
  const bookingIndex = random.int(0, system.bookings.length - 1);
  const edgeIndex = random.int(0, system.edges.length - 1);
  const booking = system.bookings[bookingIndex] as BookingProcess;
  const edge = system.edges[edgeIndex] as EdgeProcess;
  const lastingMs = world.faultMs(20, random.pick([200, 1_000, 3_000]));
  const until = (end: () => void) => world.after(lastingMs, end);
  switch (kind) {
    case 'storeDown':
      store.down();
      until(() => store.up());
      break;
    case 'storeHang':
      store.hang();
      until(() => store.goOn());
      break;
    case 'storeCut':
      booking.store.disable();
      until(() => booking.store.enable());
      break;
    case 'storeWipe':
      store.wipe();
      break;
    case 'storeRestore':
      store.down();
      store.restore();
      until(() => store.up());
      break;
    case 'storeClockJump':
      store.jump();
      break;
    case 'busDown':
      bus.down();
      until(() => bus.up());
      break;
    case 'busStoresNothing':
      bus.storeEvents(false);
      until(() => bus.storeEvents(true));
      break;
    case 'busDisconnect':
    case 'busDeaf': {
      const connection = random.pick([booking, edge]).bus;
      if (kind === 'busDisconnect') connection.disconnect();
      else connection.deafen();
      until(() => {
        connection.disconnect();
        connection.reconnect();
      });
      break;
    }
    case 'bookingKill':
      killBooking(system, bookingIndex, lastingMs);
      break;
    case 'bookingKillAll':
      for (let i = 0; i < system.bookings.length; i++) killBooking(system, i, lastingMs);
      break;
    case 'bookingPause':
      booking.host.pause();
      until(() => booking.host.resume());
      break;
    case 'bookingStop':
      stopBooking(system, bookingIndex, lastingMs);
      break;
    case 'edgeKill':
      edge.host.kill();
      until(() => {
        if (system.edges[edgeIndex] === edge) system.startEdge(edgeIndex);
      });
      break;
    case 'edgePause':
      edge.host.pause();
      until(() => edge.host.resume());
      break;
    case 'hostClockJump':
      system.setHostClocks(random.pick([-3_600_000, 3_600_000, 60_000]));
      break;
    default:
      kind satisfies never;
  }
}

/** kill -9 */
function killBooking(system: System, index: number, downMs: number): void {
  const killed = system.bookings[index] as BookingProcess;
  killed.host.kill();
  system.world.after(downMs, () => {
    if (system.bookings[index] === killed) system.startBooking(index);
  });
}

/** SIGTERM; and kill -9, if it takes too long. */
function stopBooking(system: System, index: number, downMs: number): void {
  const stopped = system.bookings[index] as BookingProcess;
  if (!stopped.host.alive || stopped.host.paused) return;
  void stopped.close();
  system.world.after(downMs, () => {
    stopped.host.kill();
    if (system.bookings[index] === stopped) system.startBooking(index);
  });
}
