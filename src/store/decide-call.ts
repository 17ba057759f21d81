import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { answerKeptMs, type Decision, type SeatCommand } from './seat-store.ts';

/** What is asked of one seat. */
export interface Question {
  seatId: string;
  commands: readonly SeatCommand[];
}

/** What `lua/decide.lua` returns for one seat. */
export type DecidedSeat = [versions: string[], transitions: (string | number)[], answers: (string | number)[]];

interface Rules {
  keyPrefix: string;
  holdTtlMs: number;
  maxHoldsPerUser: number;
  reholdCooldownMs?: number;
}

/** The arguments of `lua/decide.lua`, and of its keys those that are about seats. */
export function decideCall(
  questions: readonly Question[],
  known: Position,
  { keyPrefix, holdTtlMs, maxHoldsPerUser, reholdCooldownMs = 0 }: Rules,
): { keys: string[]; args: (string | number)[] } {
  const keyOf = (seatId: string, kind: string) => `${keyPrefix}seat:${seatId}:${kind}`;
  const seatIds = questions.map(({ seatId }) => seatId);
  const keys = seatIds.map((id) => keyOf(id, 'lock'));
  if (reholdCooldownMs > 0) keys.push(...seatIds.map((id) => keyOf(id, 'cooldown')));
  const rules = [holdTtlMs, maxHoldsPerUser, answerKeptMs, reholdCooldownMs];
  const args = [known.epoch, known.seq, ...rules, seatIds.length, ...seatIds];
  for (const { seatId, commands } of questions) {
    args.push(commands.length);
    for (const command of commands) {
      if (command.action === 'expire') {
        args.push('expire');
        continue;
      }
      const { action, userId, request } = command;
      if (request) keys.push(keyOf(seatId, `answer:${request.key}:${action}:${userId}`));
      args.push(`${action} ${userId}${request ? (request.isRepeat ? ' repeat' : ' key') : ''}`);
    }
  }
  return { keys, args };
}

/** From what `lua/decide.lua` returns for one seat. */
export function decodeDecision(
  nowMs: number,
  epoch: string,
  commands: readonly SeatCommand[],
  [versions, transitions, answers]: DecidedSeat,
): Decision {
  const seats = versions.map((json) => JSON.parse(json) as Seat);
  const seatAt = (index: string | number | undefined) => seats[(index as number) - 1] as Seat;
  const events: SeatEvent[] = [];
  for (let i = 0; i < transitions.length; i += 3) {
    const reason = transitions[i + 2] as SeatEvent['reason'] | '';
    events.push(eventThatMade(seatAt(transitions[i]), transitions[i + 1] as string, reason, { nowMs, epoch }));
  }
  return {
    nowMs,
    events,
    answers: commands.map((_, i) => {
      const refusal = answers[2 * i] as Refusal | '';
      const seat = seatAt(answers[2 * i + 1]);
      return refusal === '' ? { seat } : { seat, refusal };
    }),
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
