import type { UserCommand } from './seat-store.ts';

/** The keys of a show in Redis. */
export class VenueKeys {
  readonly seats: string;
  readonly epoch: string;
  readonly seq: string;
  readonly events: string;
  readonly holds: string;
  readonly relayed: string;
  readonly ledger: string;
  readonly about: string;
  readonly plan: string;
  readonly openings: string;
  readonly #prefix: string;

  /** `prefix`: see `keyPrefixOf`. */
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.seats = `${prefix}venue:seats`;
    this.epoch = `${prefix}venue:epoch`;
    this.seq = `${prefix}venue:seq`;
    this.events = `${prefix}venue:events`;
    this.holds = `${prefix}venue:holds`;
    this.relayed = `${prefix}venue:relayed`;
    this.ledger = `${prefix}venue:ledger`;
    this.about = `${prefix}venue:about`;
    this.plan = `${prefix}venue:plan`;
    this.openings = `${prefix}venue:openings`;
  }

  /** KEYS 1 to 4 of the scripts. */
  get decided(): [string, string, string, string] {
    return [this.seats, this.epoch, this.seq, this.events];
  }

  /** KEYS 1 to 8 of the scripts that read or write a whole venue. */
  get all(): string[] {
    return [...this.decided, this.holds, this.relayed, this.about, this.plan];
  }

  lock(seatId: string): string {
    return `${this.#prefix}seat:${seatId}:lock`;
  }

  cooldown(seatId: string): string {
    return `${this.#prefix}seat:${seatId}:cooldown`;
  }

  /** Exists once the order is closed. */
  closedOrder(orderId: string): string {
    return `${this.#prefix}venue:order:${orderId}:closed`;
  }

  /** The stored answer to a command with a request key. */
  answer({ action, seatIds, userId }: UserCommand, requestKey: string): string {
    return `${this.#prefix}seat:${seatIds.join(',')}:answer:${requestKey}:${action}:${userId}`;
  }
}

/** The default show has the plain keys. Those of any other show are in one slot of a cluster. */
export const keyPrefixOf = (prefix: string, show: string | undefined): string =>
  show === undefined ? prefix : `${prefix}{${show}}:`;
