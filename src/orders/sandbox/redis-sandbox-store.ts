import type { RedisConnection } from '../../store/redis-connection.ts';
import type { SandboxPayment, SandboxStore } from './sandbox-store.ts';

const keptS = 7 * 86_400;

/** KEYS[1] payment as JSON. ARGV[1] the payment after the change, ARGV[2] its version before, ARGV[3] seconds to keep it. */
const replaceLua = `local json = redis.call('GET', KEYS[1])
if not json or cjson.decode(json).version ~= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1`;

/** The sandbox's payments in Redis: all booking processes agree on them. Kept for a week. */
export class RedisSandboxStore implements SandboxStore {
  readonly #connection: RedisConnection;
  readonly #keyPrefix: string;

  constructor(connection: RedisConnection, keyPrefix: string) {
    this.#connection = connection;
    this.#keyPrefix = keyPrefix;
  }

  async add(payment: SandboxPayment): Promise<SandboxPayment> {
    const { redis } = this.#connection;
    const key = this.#key(payment.reference);
    await this.#connection.call(() => redis.set(key, JSON.stringify(payment), 'EX', keptS, 'NX'));
    return (await this.get(payment.reference)) ?? payment;
  }

  async get(reference: string): Promise<SandboxPayment | undefined> {
    const json = await this.#connection.call(() => this.#connection.redis.get(this.#key(reference)));
    return json === null ? undefined : JSON.parse(json);
  }

  async replace(payment: SandboxPayment): Promise<boolean> {
    const { redis } = this.#connection;
    const { reference, version } = payment;
    const args = [this.#key(reference), JSON.stringify(payment), version - 1, keptS] as const;
    return (await this.#connection.call(() => redis.eval(replaceLua, 1, ...args))) === 1;
  }

  #key(reference: string): string {
    return `${this.#keyPrefix}venue:sandbox:${reference}`;
  }
}
