import type { OrderSeat } from '../../../src/ledger/order.ts';
import { sandboxCards } from '../../../src/orders/sandbox/sandbox-cards.ts';
import type { World } from '../world.ts';
import { paymentMs, type ShopProcess } from './shop-process.ts';
import type { SimulatedBank } from './simulated-bank.ts';

const cards = Object.keys(sandboxCards);
const approvedCard = '4242424242424242';
/** How long a browser waits. */
const patienceMs = 10_000;

const priceMinor = (seatId: string) => (seatId.startsWith('A') ? 1_000 : 700);

/** A user who buys some seats: holds them, checks out, and pays, cancels, or does neither. */
export class Buyer {
  readonly #world: World;
  readonly #name: string;
  readonly #bank: SimulatedBank;
  /** A running process; undefined: there is none. */
  readonly #shop: () => ShopProcess | undefined;

  constructor(world: World, name: string, bank: SimulatedBank, shop: () => ShopProcess | undefined) {
    this.#world = world;
    this.#name = name;
    this.#bank = bank;
    this.#shop = shop;
  }

  async buy(seatIds: readonly string[]): Promise<void> {
    const { random } = this.#world;
    const userId = this.#name;
    const held = await this.#ask((shop) => shop.select({ action: 'select', seatIds, userId }));
    if (held?.refusal && random.chance(0.9)) return;
    const isFree = random.chance(0.05);
    const seats: OrderSeat[] = seatIds.map((seatId) => ({
      seatId,
      ticketType: 'adult',
      priceMinor: isFree ? 0 : priceMinor(seatId),
    }));
    const checkout = { show: 'main', userId, currency: 'EUR', seats };
    for (let attempt = 1; attempt <= 3; attempt++) {
      const created = await this.#ask((shop) => shop.orders.create(checkout));
      if (!created) {
        if (random.chance(0.6)) return;
        await this.#pause(random.int(100, 3_000));
        continue;
      }
      const { order, payUrl } = created;
      if (random.chance(0.2)) this.#world.after(random.int(0, paymentMs + 5_000), () => void this.#cancel(order.id));
      if (payUrl === undefined || random.chance(0.1)) return; // leaves
      const isPaid = await this.#pay(payUrl);
      if (random.chance(0.6)) await this.#ask((shop) => shop.orders.advance(order.id, { mayAsk: true }));
      if (isPaid || random.chance(0.3)) return;
    }
  }

  #cancel(orderId: string): Promise<unknown> {
    return this.#ask((shop) => shop.orders.cancel(orderId));
  }

  /** Often in the last moment. */
  async #pay(reference: string): Promise<boolean> {
    const { random } = this.#world;
    const aroundTheEnd = random.chance(0.3);
    await this.#pause(aroundTheEnd ? random.int(paymentMs - 3_000, paymentMs + 3_000) : random.int(50, 20_000));
    const card = random.chance(0.5) ? approvedCard : random.pick(cards);
    this.#world.trace(() => `${this.#name} pays ${reference} with ${card}`);
    const paid = await this.#bank.payments.pay(reference, card);
    if (paid.state !== 'challenge') return paid.state === 'authorised';
    await this.#pause(random.int(100, 5_000));
    if (random.chance(0.2)) return false;
    const answered = await this.#bank.payments.answerChallenge(reference, random.chance(0.8));
    return answered.state === 'authorised';
  }

  /** undefined: refused, failed, or no reply in time. */
  #ask<T>(request: (shop: ShopProcess) => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const shop = this.#shop();
      this.#world.after(patienceMs, () => resolve(undefined));
      this.#world.after(this.#world.latencyMs(), () =>
        shop?.host.run(() => {
          request(shop).then(resolve, (error: Error) => {
            this.#world.trace(() => `${this.#name} is refused: ${error.name} ${error.message}`);
            this.#world.count(`refused ${error.name}`);
            resolve(undefined);
          });
        }),
      );
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(ms, resolve);
    });
  }
}
