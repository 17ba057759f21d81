import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, messageOf } from '../../src/process/error-facts.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import type { CommandSender } from '../http/command-sender.ts';
import { errorName, kindOf } from '../http/seat-command.ts';
import type { Recorder } from '../measure/recorder.ts';
import { approvedCard, type CheckoutAnswer, type CheckoutClient, declinedCard } from './checkout-client.ts';

const declinedShare = 0.05;
const cancelledShare = 0.05;
const pollMs = 20;
/** An order that is not issued by then is left to the audit. */
const ticketWithinMs = 30_000;

export interface BuyerOptions {
  client: CheckoutClient;
  sender: CommandSender;
  recorder: Recorder;
}

/** Buys seats as a person does: holds them, checks out, pays, and waits for the tickets. */
export class Buyer {
  readonly #options: BuyerOptions;

  constructor(options: BuyerOptions) {
    this.#options = options;
  }

  /** `sold`: with tickets; `free`: the seats are free again; `unknown`: left to the audit. Never rejects. */
  async buy(seatIds: readonly string[], userId: string): Promise<'sold' | 'free' | 'unknown'> {
    const { sender, client } = this.#options;
    const held = await sender.send({ action: 'select', seatIds, userId }, performance.now());
    if (held?.kind !== 'ok') return 'unknown';
    const order = await this.#ask<OrderReply>('order', () => client.order(seatIds, userId));
    if (!order?.pay_url) return 'unknown';
    if (Math.random() < cancelledShare) {
      const cancelled = await this.#ask<OrderReply>('cancel', () => client.cancel(order.id, userId));
      return cancelled?.state === 'cancelled' ? 'free' : 'unknown';
    }
    if (Math.random() < declinedShare) {
      await this.#ask('pay', () => client.pay(order.pay_url ?? '', declinedCard));
      await this.#ask('read', () => client.read(order.id, userId)); // the shop queries the provider
      const again = await this.#ask<OrderReply>('order', () => client.order(seatIds, userId));
      if (!again?.pay_url) return 'unknown';
      return this.#pay(again, userId);
    }
    return this.#pay(order, userId);
  }

  async #pay({ id, pay_url = '' }: OrderReply, userId: string): Promise<'sold' | 'unknown'> {
    const { client, recorder } = this.#options;
    const startedAtMs = performance.now();
    await this.#ask('pay', () => client.pay(pay_url, approvedCard));
    while (performance.now() - startedAtMs < ticketWithinMs) {
      const order = await this.#ask<OrderReply>('read', () => client.read(id, userId));
      if (order?.state === 'issued') {
        recorder.record('pay to ticket', 'ok', performance.now() - startedAtMs);
        return 'sold';
      }
      await sleep(pollMs);
    }
    return 'unknown';
  }

  /** The body of a success. */
  async #ask<Body>(kind: string, request: () => Promise<CheckoutAnswer<Body>>): Promise<Body | undefined> {
    const { recorder } = this.#options;
    const startedAtMs = performance.now();
    try {
      const { status, body, text } = await request();
      const outcome = kindOf(status, text);
      if (outcome === 'error') recorder.error(`${kind}: ${errorName(status, text)}`);
      else recorder.record(kind, outcome, performance.now() - startedAtMs);
      return outcome === 'ok' ? body : undefined;
    } catch (error) {
      recorder.error(`${kind}: ${codeOf(error) ?? messageOf(error)}`);
      return undefined;
    }
  }
}
