import { LRUCache } from 'lru-cache';
import { type Rate, TokenBucket } from './token-bucket.ts';

/** Per kind of key. Evicts the bucket used longest ago, which is most likely full again. */
const maxBuckets = 20_000;
/** A page opens a WebSocket when it is loaded and when its session is renewed. */
const userRate: Rate = { perSecond: 0.1, burst: 5 };
/** Number of floods that use up the burst of an address. */
const floodsPerBurst = 4;

export interface Arrival {
  addressKey: string;
  /** The user of a session that this edge has verified. */
  userId?: string | undefined;
}

/**
 * Limits the operations of an address that cost more than a message: opening a WebSocket, resuming again, sending the whole
 * venue again. A user with a verified session has a second budget, so that one flooder does not lock out its neighbours.
 */
export class ArrivalLimits {
  readonly #rate: Rate;
  readonly #nowMs: (() => number) | undefined;
  readonly #addresses = new LRUCache<string, TokenBucket>({ max: maxBuckets });
  /** The second budget. It is shared by all verified users of an address, so that together they are bounded too. */
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

  /** Repeated floods block the address for some seconds. A user who floods loses the second budget. */
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
