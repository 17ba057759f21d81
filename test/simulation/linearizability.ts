import { type CommandAction, isPossibleLimit, refusalOf } from '../../bench/audit/seat-rules.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';

/** One request on one seat, or the part of a group on this seat, as its client saw it. */
export interface SeatOperation {
  clientId: string;
  action: CommandAction | 'read';
  /** The user of the request; irrelevant for a read. */
  userId: string;
  invokedAtMs: number;
  /** Undefined: it got no reply. */
  returnedAtMs: number | undefined;
  /** `unknown`: it failed or timed out, so it happened at any time after its invocation, or never. */
  outcome: { refusal?: Refusal; seat?: Seat } | 'unknown';
}

export interface CheckOptions {
  /** The seat before the first operation; default: available. */
  initial?: Seat;
  /** The maximum difference between the clients' clock and that of `expires_at`. */
  clockErrorMs?: number;
  /** If given, every hold must have this length. */
  holdTtlMs?: number;
}

/** A history that can be explained takes some steps per operation; with many unknown outcomes, one that cannot be explained would take forever. */
const maxSteps = 200_000;

/** `steps`: the number of partial orders that the search examined. */
export type CheckResult = { ok: true; steps: number } | { ok: false; steps: number; explanation: string };

/**
 * Whether one seat that executes one operation at a time, each between its invocation and its reply, explains
 * all of this (Wing & Gong's search with Lowe's cache of visited states). A held seat may become available by itself
 * at any moment from its `expires_at` on; commands, other than reads, never find an expired hold. It does not
 * read the log; whether the seats of a group change at one moment is checked in strict-serializability.ts.
 */
export function checkSeatHistory(operations: readonly SeatOperation[], options: CheckOptions = {}): CheckResult {
  return new Search(operations, options).run();
}

/** The sequential seat, as far as it is known. */
interface Model {
  readonly status: SeatStatus;
  readonly userId: string;
  /** Of a hold; undefined: the user got no reply. */
  readonly expiresAtMs: number | undefined;
  /** If `expiresAtMs` is unknown: its lower bound. */
  readonly earliestEndMs: number;
  /** Of its last transition; undefined: no reply had it. */
  readonly seq: number | undefined;
  readonly leastSeq: number;
  /** The latest invocation so far: the next operation is not before it. */
  readonly nowMs: number;
}

interface Node {
  readonly model: Model;
  /** All completed operations before this index are placed, and those in `placedAhead`. */
  readonly firstOpen: number;
  readonly placedAhead: readonly number[];
  readonly unknownPlaced: readonly number[];
  readonly placed: number;
}

class Search {
  readonly #answered: readonly SeatOperation[];
  readonly #unknown: readonly SeatOperation[];
  readonly #options: CheckOptions;
  readonly #clockErrorMs: number;
  readonly #seen = new Set<string>();
  /** The least seq in the replies from an index on. */
  readonly #leastSeqFrom: readonly number[];

  constructor(operations: readonly SeatOperation[], options: CheckOptions) {
    const byInvocation = [...operations].sort((a, b) => a.invokedAtMs - b.invokedAtMs);
    this.#answered = byInvocation.filter((operation) => operation.outcome !== 'unknown');
    this.#unknown = byInvocation.filter(({ outcome, action }) => outcome === 'unknown' && action !== 'read');
    const leastSeqFrom = [Number.POSITIVE_INFINITY];
    for (const operation of [...this.#answered].reverse()) {
      leastSeqFrom.unshift(Math.min(seqTold(operation), leastSeqFrom[0] as number));
    }
    this.#leastSeqFrom = leastSeqFrom;
    this.#options = options;
    this.#clockErrorMs = options.clockErrorMs ?? 0;
  }

  run(): CheckResult {
    const first: Node = {
      model: initialModel(this.#options.initial),
      firstOpen: 0,
      placedAhead: [],
      unknownPlaced: [],
      placed: 0,
    };
    let furthest = first;
    let steps = 1;
    if (this.#answered.length === 0) return { ok: true, steps };
    // Depth first: the other successors of a node are computed only when the search returns to it.
    const path = [this.#next(first)];
    for (let nodes = path.at(-1); nodes; nodes = path.at(-1)) {
      const { value: node } = nodes.next();
      if (!node) {
        path.pop();
        continue;
      }
      const key = keyOf(node);
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      steps++;
      if (steps > maxSteps) return { ok: false, steps, explanation: `no order found in ${maxSteps} steps` };
      if (node.placed === this.#answered.length) return { ok: true, steps };
      if (node.placed > furthest.placed) furthest = node;
      path.push(this.#next(node));
    }
    return { ok: false, steps, explanation: this.#explain(furthest) };
  }

  /** The possible successors: first the completed operation that was invoked first. */
  *#next(node: Node): Generator<Node, undefined> {
    const { candidates, deadlineMs, leastSeq } = this.#open(node);
    for (const index of candidates) {
      for (const model of this.#outcomes(node.model, this.#answered[index] as SeatOperation)) {
        yield { ...this.#place(node, index), model, unknownPlaced: node.unknownPlaced, placed: node.placed + 1 };
      }
    }
    const tried = new Set<string>();
    for (const [index, operation] of this.#unknown.entries()) {
      if (operation.invokedAtMs > deadlineMs) break;
      if (node.unknownPlaced.includes(index)) continue;
      // Of equal operations only the first: it covers all results of the later ones.
      const kind = `${operation.action} ${operation.userId}`;
      if (tried.has(kind)) continue;
      tried.add(kind);
      for (const model of this.#outcomes(node.model, operation)) {
        // Later replies must not be in the past.
        if (model.leastSeq > leastSeq) continue;
        yield { ...node, model, unknownPlaced: [...node.unknownPlaced, index].sort((a, b) => a - b) };
      }
    }
  }

  /** The possible next operations: all invoked before the first reply that is not placed. */
  #open({ model, firstOpen, placedAhead }: Node): { candidates: number[]; deadlineMs: number; leastSeq: number } {
    let candidates: number[] = [];
    let deadlineMs = Number.POSITIVE_INFINITY;
    let leastSeq = Number.POSITIVE_INFINITY;
    let i = firstOpen;
    for (; i < this.#answered.length; i++) {
      const operation = this.#answered[i] as SeatOperation;
      if (operation.invokedAtMs > deadlineMs) break;
      if (placedAhead.includes(i)) continue;
      candidates.push(i);
      deadlineMs = Math.min(deadlineMs, operation.returnedAtMs ?? deadlineMs);
      leastSeq = Math.min(leastSeq, seqTold(operation));
    }
    leastSeq = Math.min(leastSeq, this.#leastSeqFrom[i] as number);
    if (model.nowMs > deadlineMs) candidates = [];
    return { candidates, deadlineMs, leastSeq };
  }

  #place(node: Node, index: number): Pick<Node, 'firstOpen' | 'placedAhead'> {
    let firstOpen = node.firstOpen;
    const placed = new Set([...node.placedAhead, index]);
    while (placed.delete(firstOpen)) firstOpen++;
    return { firstOpen, placedAhead: [...placed].sort((a, b) => a - b) };
  }

  /** The seat after the operation, if it can be the next: with the current hold, or after its end. */
  #outcomes(model: Model, operation: SeatOperation): Model[] {
    const after = [this.#step(model, operation)];
    if (model.status === SeatStatus.held) after.push(this.#step(this.#expired(model), operation));
    return after.filter((one) => one !== undefined);
  }

  #expired(model: Model): Model {
    const endMs = model.expiresAtMs ?? model.earliestEndMs;
    return {
      ...transitioned(model, SeatStatus.available, ''),
      nowMs: Math.max(model.nowMs, endMs - this.#clockErrorMs),
    };
  }

  #step(before: Model, operation: SeatOperation): Model | undefined {
    const { action, userId, invokedAtMs, returnedAtMs, outcome } = operation;
    const nowMs = Math.max(before.nowMs, invokedAtMs);
    if (outcome !== 'unknown' && returnedAtMs !== undefined && nowMs > returnedAtMs) return undefined;
    const isOver = before.expiresAtMs !== undefined && nowMs > before.expiresAtMs + this.#clockErrorMs;
    if (action !== 'read' && before.status === SeatStatus.held && isOver) return undefined;

    const { refusal, model } = decided({ ...before, nowMs }, action, userId, this.#options.holdTtlMs ?? 0);
    if (outcome === 'unknown') return model.leastSeq === before.leastSeq ? undefined : model;
    const isOverLimit =
      outcome.refusal !== undefined &&
      action !== 'read' &&
      isPossibleLimit(outcome.refusal, { status: before.status, held_by: before.userId }, action, userId);
    if (isOverLimit) return outcome.seat ? this.#told({ ...before, nowMs }, outcome.seat) : before;
    if (outcome.refusal !== refusal) return undefined;
    if (!outcome.seat) return model;
    const told = this.#told(model, outcome.seat);
    const isNewEnd = told?.status === SeatStatus.held && model.leastSeq !== before.leastSeq;
    return told && isNewEnd && !this.#lasts(told, nowMs, returnedAtMs) ? undefined : told;
  }

  /** Whether a hold that began, or was extended, in this interval has its proper length. */
  #lasts({ expiresAtMs = 0 }: Model, fromMs: number, untilMs = Number.POSITIVE_INFINITY): boolean {
    const { holdTtlMs } = this.#options;
    if (holdTtlMs === undefined) return true;
    const startedAtMs = expiresAtMs - holdTtlMs;
    return startedAtMs >= fromMs - this.#clockErrorMs - 1 && startedAtMs <= untilMs + this.#clockErrorMs + 1;
  }

  /** The model with the facts of the reply; undefined if the reply contradicts it. */
  #told(model: Model, seat: Seat): Model | undefined {
    if (seat.status !== model.status || (seat.held_by ?? '') !== model.userId) return undefined;
    if (model.seq === undefined ? seat.seq < model.leastSeq : seat.seq !== model.seq) return undefined;
    const expiresAtMs = seat.expires_at === undefined ? undefined : seat.expires_at * 1000;
    if (model.expiresAtMs !== undefined && expiresAtMs !== undefined) {
      if (Math.abs(expiresAtMs - model.expiresAtMs) >= 1) return undefined; // an extension is a transition
    } else if (expiresAtMs !== undefined && expiresAtMs < model.earliestEndMs - this.#clockErrorMs - 1) {
      return undefined;
    }
    return { ...model, seq: seat.seq, leastSeq: seat.seq, expiresAtMs: model.expiresAtMs ?? expiresAtMs };
  }

  #explain(node: Node): string {
    const open = this.#open(node).candidates.map((i) => describe(this.#answered[i] as SeatOperation));
    const { model } = node;
    const seat = `${['available', 'held', 'booked'][model.status]} ${model.userId} seq ${model.seq ?? `>= ${model.leastSeq}`}`;
    return [
      `${node.placed} of ${this.#answered.length} answers can be put in an order; then the seat is ${seat}`,
      `(expires ${model.expiresAtMs ?? 'unknown'}), at ${model.nowMs} or later, and none of these can be next:`,
      ...open.map((line) => `\n  ${line}`),
      '\nAll of it:',
      ...this.#answered.map((operation) => `\n  ${describe(operation)}`),
      ...this.#unknown.map((operation) => `\n  ${describe(operation)}`),
    ].join(' ');
  }
}

function initialModel(seat: Seat | undefined): Model {
  return {
    status: seat?.status ?? SeatStatus.available,
    userId: seat?.held_by ?? '',
    expiresAtMs: seat?.expires_at === undefined ? undefined : seat.expires_at * 1000,
    earliestEndMs: Number.NEGATIVE_INFINITY,
    seq: seat?.seq,
    leastSeq: seat?.seq ?? 0,
    nowMs: Number.NEGATIVE_INFINITY,
  };
}

/** The decision of a seat; every transition has a higher seq than the one before. */
function decided(model: Model, action: SeatOperation['action'], userId: string, holdTtlMs: number) {
  const unchanged = { refusal: undefined, model };
  if (action === 'read') return unchanged;
  const refusal = refusalOf({ status: model.status, held_by: model.userId }, action, userId);
  if (refusal) return { refusal, model };
  const held = () => ({ ...transitioned(model, SeatStatus.held, userId), earliestEndMs: model.nowMs + holdTtlMs });
  switch (action) {
    case 'select':
      return model.status === SeatStatus.held ? unchanged : { refusal, model: held() };
    case 'extend':
      return { refusal, model: held() };
    case 'book':
      return model.status === SeatStatus.booked
        ? unchanged
        : { refusal, model: transitioned(model, SeatStatus.booked, userId) };
    case 'release':
      return { refusal, model: transitioned(model, SeatStatus.available, '') };
  }
}

function transitioned(model: Model, status: SeatStatus, userId: string): Model {
  const leastSeq = (model.seq ?? model.leastSeq) + 1;
  return { ...model, status, userId, expiresAtMs: undefined, earliestEndMs: 0, seq: undefined, leastSeq };
}

function seqTold({ outcome }: SeatOperation): number {
  return (outcome === 'unknown' ? undefined : outcome.seat?.seq) ?? Number.POSITIVE_INFINITY;
}

function keyOf({ model, firstOpen, placedAhead, unknownPlaced }: Node): string {
  const { status, userId, expiresAtMs, earliestEndMs, seq, leastSeq, nowMs } = model;
  const known = `${status}/${userId}/${expiresAtMs}/${earliestEndMs}/${seq}/${leastSeq}/${nowMs}`;
  return `${firstOpen}|${placedAhead}|${unknownPlaced}|${known}`;
}

function describe({ clientId, action, userId, invokedAtMs, returnedAtMs, outcome }: SeatOperation): string {
  const answer = outcome === 'unknown' ? 'unknown' : `${outcome.refusal ?? 'ok'} ${JSON.stringify(outcome.seat ?? {})}`;
  return `[${invokedAtMs}, ${returnedAtMs ?? '…'}] ${clientId}: ${action} by ${userId} → ${answer}`;
}
