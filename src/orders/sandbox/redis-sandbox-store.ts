import type { RedisServers } from '../../store/redis-connection.ts';
import type { SandboxPayment, SandboxStore } from './sandbox-store.ts';

const keptS = 7 * 86_400;

/** KEYS[1] payment as JSON. ARGV[1] the payment after the change, ARGV[2] its version before, ARGV[3] seconds to keep it. */
const replaceLua = `local json = redis.call('GET', KEYS[1])
if not json or cjson.decode(json).version ~= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1`;

/** The sandbox's payments in Redis: all booking processes agree on them. Kept for a week. */
export class RedisSandboxStore implements SandboxStore {
  readonly #servers: RedisServers;
  readonly #keyPrefix: string;

  constructor(servers: RedisServers, keyPrefix: string) {
    this.#servers = servers;
    this.#keyPrefix = keyPrefix;
  }

  async add(payment: SandboxPayment): Promise<SandboxPayment> {
    const key = this.#key(payment.reference);
    const connection = this.#servers.of(key);
    await connection.call(() => connection.redis.set(key, JSON.stringify(payment), 'EX', keptS, 'NX'));
    return (await this.get(payment.reference)) ?? payment;
  }

  async get(reference: string): Promise<SandboxPayment | undefined> {
    const key = this.#key(reference);
    const connection = this.#servers.of(key);
    const json = await connection.call(() => connection.redis.get(key));
    return json === null ? undefined : JSON.parse(json);
  }

  async replace(payment: SandboxPayment): Promise<boolean> {
    const { reference, version } = payment;
    const key = this.#key(reference);
    const connection = this.#servers.of(key);
    const args = [key, JSON.stringify(payment), version - 1, keptS] as const;
    return (await connection.call(() => connection.redis.eval(replaceLua, 1, ...args))) === 1;
  }

  #key(reference: string): string {
    return `${this.#keyPrefix}venue:sandbox:${reference}`;
  }
}
