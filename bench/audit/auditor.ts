import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../../src/process/present.ts';
import type { VenueState } from '../../src/protocol/venue.ts';
import { Witness } from '../sockets/witness.ts';
import type { VenueUnderLoad } from '../venue/venue-under-load.ts';
import { Audit, type Verdict } from './audit.ts';
import { CheckoutTruth } from './checkout-truth.ts';
import type { ClientLog } from './client-log.ts';
import { getJson, HttpTruth } from './http-truth.ts';
import { RedisTruth } from './redis-truth.ts';
import { CannotAuditError, LogLostError, type VenueRecord, type VenueTruth } from './venue-truth.ts';

/** Redis keeps the newest 100,000 published events; they are read well before they are trimmed. */
const readAheadEvents = 40_000;
const judgedAtOnce = 200_000;
const watchIntervalMs = 1_000;
/** Abandoned orders end after the time to pay and the hold after it. */
const ordersEndMs = 150_000;
const orderPollMs = 250;
/** From the end of a hold until every view must show it. */
const settleMs = 1_000;
const attempts = 50;

/** Observes a run, and audits it at the end. */
export class Auditor {
  readonly truth: VenueTruth;
  readonly audit: Audit;
  readonly #venue: VenueUnderLoad;
  readonly #log: ClientLog;
  readonly #witnesses: Witness[];
  readonly #isOwnUser: (userId: string) => boolean;
  /** undefined: the show is not sold by orders. */
  readonly #checkout: CheckoutTruth | undefined;
  #watching: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  static async begin(
    venue: VenueUnderLoad,
    log: ClientLog,
    isOwnUser: (userId: string) => boolean,
    { sellsByOrders = false } = {},
  ): Promise<Auditor> {
    const { show, apiUrls, edgeUrls, redisUrl, databaseUrl } = venue;
    if (sellsByOrders && !databaseUrl) throw new CannotAuditError('orders are in the ledger: give --database');
    const checkout =
      sellsByOrders && databaseUrl ? new CheckoutTruth({ databaseUrl, redisUrl, show: show.id }) : undefined;
    const truth = redisUrl
      ? new RedisTruth(redisUrl, show.keyPrefix)
      : new HttpTruth(`${present(apiUrls[0], 'a URL')}${show.apiPath}`);
    const witnesses = await Promise.all(
      edgeUrls.map((url, index) => Witness.connect(url, show, `the witness at edge ${index + 1}`)),
    );
    const initial = await truth.record();
    return new Auditor(venue, log, truth, initial, witnesses, isOwnUser, checkout);
  }

  private constructor(
    venue: VenueUnderLoad,
    log: ClientLog,
    truth: VenueTruth,
    initial: VenueRecord,
    witnesses: Witness[],
    isOwnUser: (userId: string) => boolean,
    checkout: CheckoutTruth | undefined,
  ) {
    this.#venue = venue;
    this.#log = log;
    this.truth = truth;
    this.#witnesses = witnesses;
    this.#isOwnUser = isOwnUser;
    this.#checkout = checkout;
    this.audit = new Audit({ initial, isOwnUser, sellsByOrders: checkout !== undefined });
    this.#timer = setInterval(() => {
      if (this.#isBehind) void this.judgeSoFar();
    }, watchIntervalMs);
  }

  /** To be called before a scenario kills an edge: the loss of that connection is not a violation. */
  dismissWitness(edgeIndex: number): void {
    this.#witnesses.splice(edgeIndex, 1)[0]?.close();
  }

  /** To be called when no request is open. Waits until the holds of this run have expired. */
  async finish(): Promise<Verdict> {
    clearInterval(this.#timer);
    await this.#watching;
    try {
      await this.#ordersEnd();
      await this.#holdsEnd();
      const record = await this.#allViewsAgree();
      this.audit.compareView(this.truth.source, record.seats);
      this.audit.compareHolds(record.nowMs, await this.truth.lockMismatches?.());
      await this.#auditCheckout(record);
    } catch (error) {
      this.#failed(error as Error);
    } finally {
      for (const witness of this.#witnesses) witness.close();
      await this.truth.close();
      await this.#checkout?.close();
    }
    return this.audit.verdict();
  }

  /** Replies that arrived before the log is read must be in it; later ones are left to the next call. */
  async #catchUp(): Promise<void> {
    const received = this.#log.take();
    for (const event of await this.truth.eventsAfter(this.audit.position)) this.audit.transition(event);
    this.audit.judge(received);
  }

  /** Reading the log loads the system: it is read only before it may be trimmed, or when many replies wait. */
  get #isBehind(): boolean {
    const behind = Math.max(0, ...this.#witnesses.map(({ seq }) => seq)) - this.audit.position.seq;
    return behind >= readAheadEvents || this.#log.waiting >= judgedAtOnce;
  }

  /** Audits the replies so far, for example between two loads. Never rejects. */
  judgeSoFar(): Promise<void> {
    this.#watching = this.#watching.then(() => this.#catchUp()).catch((error: Error) => this.#failed(error));
    return this.#watching;
  }

  /** A log with missing events is a violation; any other failure is no finding about the system. */
  #failed(error: Error): void {
    if (error instanceof LogLostError) this.audit.logProblem(error.message);
    else this.audit.cannotAudit(error.message);
  }

  async #ordersEnd(): Promise<void> {
    const endMs = performance.now() + ordersEndMs;
    while (this.#checkout && performance.now() < endMs) {
      if ((await this.#checkout.dueOrders()) === 0) return;
      await sleep(orderPollMs);
    }
  }

  async #auditCheckout({ seats }: VenueRecord): Promise<void> {
    if (!this.#checkout) return;
    const [orders, payments] = [await this.#checkout.orders(), await this.#checkout.payments()];
    this.audit.compareCheckout({ orders, payments, seats });
  }

  async #holdsEnd(): Promise<void> {
    for (;;) {
      const { seats, nowMs } = await this.truth.record();
      const ends = [...seats.values()].flatMap(({ held_by, expires_at }) =>
        expires_at !== undefined && this.#isOwnUser(held_by ?? '') ? [expires_at * 1000] : [],
      );
      const lastEndMs = Math.max(0, ...ends);
      if (lastEndMs < nowMs - settleMs) return;
      await sleep(lastEndMs - nowMs + settleMs + 50);
    }
  }

  /** Other users may change a given venue: reads all views until they show the same moment. */
  async #allViewsAgree(): Promise<VenueRecord> {
    const { apiUrls, show } = this.#venue;
    for (let attempt = 1; ; attempt++) {
      const record = await this.truth.record();
      const states = await Promise.all(apiUrls.map((url) => getJson<VenueState>(`${url}${show.apiPath}/venue`)));
      await Promise.all(this.#witnesses.map((witness) => witness.reaches(record.seq, settleMs)));
      const isSameMoment = [...states, ...this.#witnesses].every(({ seq }) => seq === record.seq);
      if (!isSameMoment && attempt < attempts) continue;
      await this.#catchUp();
      if (isSameMoment && this.audit.position.seq !== record.seq && attempt < attempts) continue;
      states.forEach((state, index) => {
        this.audit.compareView(`HTTP at ${apiUrls[index]}`, new Map(state.seats.map((seat) => [seat.id, seat])));
      });
      for (const witness of this.#witnesses) {
        this.audit.compareView(witness.name, witness.seats);
        for (const problem of witness.problems) this.audit.viewProblem(problem);
      }
      return record;
    }
  }
}
