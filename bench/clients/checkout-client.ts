import { Agent } from 'undici';
import { present } from '../../src/process/present.ts';
import type { OrderReply } from '../../src/protocol/order.ts';

export const approvedCard = '4242424242424242';
export const declinedCard = '4000000000000002';

/** Longer than any reply may take. */
const giveUpMs = 15_000;

export interface CheckoutAnswer<Body> {
  status: number;
  /** undefined: the reply is not JSON. */
  body: Body | undefined;
  text: string;
}

/** The HTTP requests of checkout, on a pay page that takes the cards of the sandbox. Each rejects if there is no reply. */
export class CheckoutClient {
  readonly #agent: Agent;
  readonly #urls: readonly string[];
  readonly #show: string;
  #turn = 0;

  /** Requests go to the URLs in turn. `connections`: the maximum to each. */
  constructor(urls: readonly string[], show: string, connections = 64) {
    this.#agent = new Agent({ connections, pipelining: 1 });
    this.#urls = urls;
    this.#show = show;
  }

  hold(seats: readonly string[], user_id: string) {
    return this.#send('POST', `/api/shows/${this.#show}/holds`, { seats, user_id });
  }

  order(seats: readonly string[], user_id: string) {
    const body = { seats: seats.map((id) => ({ id })), user_id };
    return this.#send<OrderReply>('POST', `/api/shows/${this.#show}/orders`, body);
  }

  read(orderId: string, userId: string) {
    return this.#send<OrderReply>('GET', `/api/orders/${orderId}?user_id=${userId}`);
  }

  cancel(orderId: string, user_id: string) {
    return this.#send<OrderReply>('POST', `/api/orders/${orderId}/cancel`, { user_id });
  }

  /** As the form of the pay page does, which may be on a host of its own. */
  pay(payUrl: string, card: string) {
    return this.#send('POST', payUrl, `card=${card}`);
  }

  /** `step`: `approve` or `refuse`, of a card that needs a second step. */
  answerChallenge(payUrl: string, step: string) {
    return this.#send('POST', payUrl, `step=${step}`);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send<Body = unknown>(
    method: 'GET' | 'POST',
    path: string,
    body?: object | string,
  ): Promise<CheckoutAnswer<Body>> {
    const base = present(this.#urls[this.#turn++ % this.#urls.length], 'a URL');
    const { origin, pathname, search } = new URL(path, base);
    const isForm = typeof body === 'string';
    const response = await this.#agent.request({
      origin,
      path: `${pathname}${search}`,
      method,
      headers: { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' },
      signal: AbortSignal.timeout(giveUpMs),
      ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await response.body.text();
    const isJson = String(response.headers['content-type']).startsWith('application/json');
    return { status: response.statusCode, body: isJson ? (JSON.parse(text) as Body) : undefined, text };
  }
}
