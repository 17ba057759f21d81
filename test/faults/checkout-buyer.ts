import type { CheckoutAnswer, CheckoutClient } from '../../bench/clients/checkout-client.ts';
import { sandboxCards } from '../../src/orders/sandbox/sandbox-cards.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import type { Random } from '../simulation/random.ts';
import { pause } from './time.ts';

const cards = Object.keys(sandboxCards);
const approvedCard = '4242424242424242';
const attempts = 40;
const attemptPauseMs = 250;
const finalStates = ['issued', 'lapsed', 'cancelled', 'refunded', 'needs_person'];

/** A user who retries as a browser does, and pays, cancels or leaves. */
export class CheckoutBuyer {
  readonly #client: CheckoutClient;
  readonly #random: Random;
  readonly #userId: string;

  constructor(client: CheckoutClient, userId: string, random: Random) {
    this.#client = client;
    this.#userId = userId;
    this.#random = random;
  }

  /** The order as the user saw it last; undefined: there was none. Never rejects. */
  async buy(seatIds: readonly string[]): Promise<OrderReply | undefined> {
    const random = this.#random;
    const held = await this.#retried(() => this.#client.hold(seatIds, this.#userId));
    if (held?.status !== 200) return undefined;
    const created = await this.#retried(() => this.#client.order(seatIds, this.#userId));
    if (created?.status !== 201 || !created.body) return undefined;
    const { id, pay_url: payUrl } = created.body;
    if (payUrl === undefined || random.chance(0.05)) return created.body;
    if (random.chance(0.1)) {
      await this.#retried(() => this.#client.cancel(id, this.#userId));
    } else {
      const card = random.chance(0.6) ? approvedCard : random.pick(cards);
      const paid = await this.#retried(() => this.#client.pay(payUrl, card), 5);
      if (paid && card === '4000002760003184') {
        await this.#retried(() => this.#client.answerChallenge(payUrl, random.chance(0.8) ? 'approve' : 'refuse'), 5);
      }
    }
    return (await this.#end(id)) ?? created.body;
  }

  async #end(id: string): Promise<OrderReply | undefined> {
    let last: OrderReply | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      last = (await this.#retried(() => this.#client.read(id, this.#userId)))?.body ?? last;
      // After a declined card the order is open again: this user leaves it.
      if (last && (finalStates.includes(last.state) || last.state === 'open')) return last;
      await pause(attemptPauseMs);
    }
    return last;
  }

  /** The first reply that is not a retryable failure; undefined: none of the attempts had one. */
  async #retried<Body>(
    request: () => Promise<CheckoutAnswer<Body>>,
    times = attempts,
  ): Promise<CheckoutAnswer<Body> | undefined> {
    for (let attempt = 0; attempt < times; attempt++) {
      const answer = await request().catch(() => undefined);
      if (answer && answer.status < 500) return answer;
      await pause(attemptPauseMs);
    }
    return undefined;
  }
}
