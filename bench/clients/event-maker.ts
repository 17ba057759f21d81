import type { SeatRequest } from '../audit/client-log.ts';
import { CommandSender } from '../http/command-sender.ts';
import { openLoop } from '../http/open-loop.ts';
import { percentileMs, Recorder } from '../measure/recorder.ts';
import type { ClientContext } from './client-context.ts';

export interface EventMakerOptions {
  apiUrls: string[];
  seatIds: string[];
  /** So many events come from one command. */
  seatsPerCommand?: number | undefined;
  context: ClientContext;
}

/** Changes the venue at a given rate: selects and releases the seats in turn, each time with a new user. */
export class EventMaker {
  /** By seq: when the command was sent, on the clock of `performance.timeOrigin`. */
  readonly sentAtMs = new Map<number, number>();
  readonly #apiUrls: string[];
  readonly #sender: CommandSender;
  readonly #context: ClientContext;
  readonly #seatsPerCommand: number;
  readonly #idle: { seatIds: string[]; heldBy: string | undefined }[] = [];
  #skipped = 0;

  constructor({ apiUrls, seatIds, seatsPerCommand = 1, context }: EventMakerOptions) {
    this.#apiUrls = apiUrls;
    this.#sender = new CommandSender(apiUrls, context);
    this.#context = context;
    this.#seatsPerCommand = seatsPerCommand;
    for (let from = 0; from < seatIds.length; from += seatsPerCommand)
      this.#idle.push({ seatIds: seatIds.slice(from, from + seatsPerCommand), heldBy: undefined });
  }

  /** Events per second. Resolves when every request has a reply. */
  async run(
    ratePerSecond: number,
    durationS: number,
    signal: AbortSignal,
  ): Promise<{ sendLateP99Ms: number; skipped: number }> {
    const lateness = await openLoop({
      ratePerSecond: ratePerSecond / this.#seatsPerCommand,
      pattern: 'even',
      durationS,
      signal,
      send: () => void this.#change(),
    });
    await this.#answered();
    return { sendLateP99Ms: percentileMs(lateness, 99), skipped: this.#skipped };
  }

  /** Releases all held seats, so that the audit need not wait until the holds expire. */
  async close(): Promise<void> {
    // Sent all at once, not at the given rate: these do not count.
    const sender = new CommandSender(this.#apiUrls, { ...this.#context, recorder: new Recorder() });
    await Promise.all(
      this.#idle.splice(0).flatMap(({ heldBy, seatIds }) => {
        if (heldBy === undefined) return [];
        return sender.send({ action: 'release', seatIds, userId: heldBy }, performance.now());
      }),
    );
    await Promise.all([this.#sender.close(), sender.close()]);
  }

  async #change(): Promise<void> {
    const next = this.#idle.shift();
    if (!next) {
      this.#skipped++; // every seat waits for a reply
      return;
    }
    const { seatIds, heldBy } = next;
    const userId = heldBy ?? this.#context.newUserId();
    const isDone = await this.#send({ action: heldBy === undefined ? 'select' : 'release', seatIds, userId });
    this.#idle.push({ seatIds, heldBy: isDone && heldBy === undefined ? userId : undefined });
  }

  async #send(request: SeatRequest): Promise<boolean> {
    const sentAtMs = performance.now();
    const answer = await this.#sender.send(request, sentAtMs);
    for (const { seq } of answer?.seats ?? []) this.sentAtMs.set(seq, performance.timeOrigin + sentAtMs);
    return answer?.kind === 'ok';
  }

  async #answered(): Promise<void> {
    while (this.#sender.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
