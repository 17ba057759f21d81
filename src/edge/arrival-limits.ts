import { LRUCache } from 'lru-cache';
import { type Rate, TokenBucket } from './token-bucket.ts';

/** Of addresses and of users. The one seen longest ago is forgotten first: it has most likely a full bucket again. */
const maxBuckets = 20_000;
/** A page opens a WebSocket when it is loaded and when its session is renewed. */
const userRate: Rate = { perSecond: 0.1, burst: 5 };
/** Floods that an address may start at once. Each further one waits until the rate has paid for it. */
const floodsPerBurst = 4;

export interface Arrival {
  addressKey: string;
  /** Of a session that this edge has verified. */
  userId?: string | undefined;
}

/**
 * Limits how often an address makes an edge do what costs more than a message: open a WebSocket, resume once more, send the
 * whole venue once more. A user known to this edge has a second way in, so that one flooder does not lock out its neighbours.
 */
export class ArrivalLimits {
  readonly #rate: Rate;
  readonly #nowMs: (() => number) | undefined;
  readonly #addresses = new LRUCache<string, TokenBucket>({ max: maxBuckets });
  /** What known users of an address use where the address itself has nothing left: they are bounded together too. */
  readonly #knownOfAddresses = new LRUCache<string, TokenBucket>({ max: maxBuckets });
  readonly #users = new LRUCache<string, TokenBucket>({ max: maxBuckets });

  constructor(rate: Rate, nowMs?: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  take({ addressKey, userId }: Arrival): boolean {
    if (this.#bucket(this.#addresses, addressKey, this.#rate).take()) return true;
    if (userId === undefined) return false;
    const isUserWithin = this.#bucket(this.#users, userId, userRate).take();
    return isUserWithin && this.#bucket(this.#knownOfAddresses, addressKey, this.#rate).take();
  }

  /** Refuses the address for some seconds if it floods again and again; a user who floods is not known any more. */
  flooded({ addressKey, userId }: Arrival): void {
    this.#bucket(this.#addresses, addressKey, this.#rate).charge(this.#rate.burst / floodsPerBurst);
    if (userId !== undefined) this.#bucket(this.#users, userId, userRate).charge(2 * userRate.burst);
  }

  retryAfterMs(addressKey: string): number {
    return this.#bucket(this.#addresses, addressKey, this.#rate).waitMs;
  }

  #bucket(buckets: LRUCache<string, TokenBucket>, key: string, rate: Rate): TokenBucket {
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = new TokenBucket(rate, this.#nowMs);
      buckets.set(key, bucket);
    }
    return bucket;
  }
}
