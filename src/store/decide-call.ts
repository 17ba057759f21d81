import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { answerKeptMs, type Decision, type SeatCommand } from './seat-store.ts';

/** What is asked of one seat. */
export interface Question {
  seatId: string;
  /** Of the seat's last transition that the caller knows: an older seat in Redis was lost in part. */
  seatSeq: number;
  commands: readonly SeatCommand[];
}

/** What `lua/decide.lua` tells of one seat. */
type DecidedSeat = [
  versions: Seat[],
  transitions: [index: number, userId: string, reason: SeatEvent['reason'] | ''][],
  answers: [refusal: Refusal | '', index: number][],
];

interface Rules {
  keyPrefix: string;
  holdTtlMs: number;
  maxHoldsPerUser: number;
  reholdCooldownMs?: number;
  /** Maximum length of the log: beyond it the oldest events are dropped, published or not. */
  maxEvents: number;
}

/** The arguments of `lua/decide.lua`, and of its keys those that are about seats. */
export function decideCall(
  questions: readonly Question[],
  known: Position,
  { keyPrefix, holdTtlMs, maxHoldsPerUser, reholdCooldownMs = 0, maxEvents }: Rules,
): { keys: string[]; args: (string | number)[] } {
  const keyOf = (seatId: string, kind: string) => `${keyPrefix}seat:${seatId}:${kind}`;
  const seatIds = questions.map(({ seatId }) => seatId);
  const keys = seatIds.map((id) => keyOf(id, 'lock'));
  if (reholdCooldownMs > 0) keys.push(...seatIds.map((id) => keyOf(id, 'cooldown')));
  const asked = questions.map(({ seatId, seatSeq, commands }) => [
    seatId,
    seatSeq,
    ...commands.map((command) => {
      if (command.action === 'expire') return [command.action];
      const { action, userId, request } = command;
      if (!request) return [action, userId];
      keys.push(keyOf(seatId, `answer:${request.key}:${action}:${userId}`));
      return [action, userId, request.isRepeat ? 'repeat' : 'key'];
    }),
  ]);
  const rules = [holdTtlMs, maxHoldsPerUser, answerKeptMs, reholdCooldownMs];
  return { keys, args: [known.epoch, known.seq, ...rules, JSON.stringify(asked), maxEvents] };
}

/** A decision for each question, from what `lua/decide.lua` returns. */
export function decodeDecisions(json: string, epoch: string): Decision[] {
  const [nowMs, ...decided] = JSON.parse(json) as [number, ...DecidedSeat[]];
  return decided.map((seat) => decodeDecision(nowMs, epoch, seat));
}

function decodeDecision(nowMs: number, epoch: string, [versions, transitions, answers]: DecidedSeat): Decision {
  const seatAt = (index: number) => versions[index] as Seat;
  return {
    nowMs,
    events: transitions.map(([index, userId, reason]) =>
      eventThatMade(seatAt(index), userId, reason, { nowMs, epoch }),
    ),
    answers: answers.map(([refusal, index]) => ({ seat: seatAt(index), ...(refusal !== '' && { refusal }) })),
  };
}

const typeOf = {
  [SeatStatus.available]: 'released',
  [SeatStatus.held]: 'held',
  [SeatStatus.booked]: 'booked',
} as const;

/** The event that made the seat what it is. */
function eventThatMade(
  { id, status, seq, expires_at }: Seat,
  userId: string,
  reason: SeatEvent['reason'] | '',
  { nowMs, epoch }: { nowMs: number; epoch: string },
): SeatEvent {
  return {
    type: typeOf[status],
    seat_id: id,
    user_id: userId,
    status,
    timestamp: new Date(nowMs).toISOString(),
    ...(expires_at !== undefined && { expires_at }),
    ...(reason && { reason }),
    epoch,
    seq,
  };
}
