import type { UserCommand } from './seat-store.ts';

/** The keys of a venue in Redis. `REDIS_KEY_PREFIX` comes before each. */
export class VenueKeys {
  readonly seats: string;
  readonly epoch: string;
  readonly seq: string;
  readonly events: string;
  readonly holds: string;
  readonly relayed: string;
  readonly about: string;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.seats = `${prefix}venue:seats`;
    this.epoch = `${prefix}venue:epoch`;
    this.seq = `${prefix}venue:seq`;
    this.events = `${prefix}venue:events`;
    this.holds = `${prefix}venue:holds`;
    this.relayed = `${prefix}venue:relayed`;
    this.about = `${prefix}venue:about`;
  }

  /** KEYS 1 to 4 of the scripts. */
  get decided(): [string, string, string, string] {
    return [this.seats, this.epoch, this.seq, this.events];
  }

  /** KEYS 1 to 7 of the scripts that read or write a whole venue. */
  get all(): string[] {
    return [...this.decided, this.holds, this.relayed, this.about];
  }

  lock(seatId: string): string {
    return `${this.#prefix}seat:${seatId}:lock`;
  }

  cooldown(seatId: string): string {
    return `${this.#prefix}seat:${seatId}:cooldown`;
  }

  /** The stored answer to a command with a request key. */
  answer({ action, seatIds, userId }: UserCommand, requestKey: string): string {
    return `${this.#prefix}seat:${seatIds.join(',')}:answer:${requestKey}:${action}:${userId}`;
  }
}
