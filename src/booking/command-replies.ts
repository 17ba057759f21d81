import { errorCodes } from '../protocol/errors.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Answer } from '../store/seat-store.ts';
import { refusalDetail } from './refusals.ts';

interface ReplyText {
  httpStatus: number;
  json: string;
}

/** What commands are answered. A hundred users who clicked one seat at once are told the same: it is written once. */
export class CommandReplies {
  readonly #ofSeat = new WeakMap<Seat, Map<Answer['refusal'], ReplyText>>();

  of({ seat, refusal }: Answer): ReplyText {
    let texts = this.#ofSeat.get(seat);
    if (!texts) {
      texts = new Map();
      this.#ofSeat.set(seat, texts);
    }
    let text = texts.get(refusal);
    if (!text) {
      text = write(seat, refusal);
      texts.set(refusal, text);
    }
    return text;
  }
}

function write(seat: Seat, refusal: Answer['refusal']): ReplyText {
  if (!refusal) return { httpStatus: 200, json: JSON.stringify({ success: true, seat }) };
  const error = refusalDetail(refusal);
  return { httpStatus: errorCodes[refusal].httpStatus, json: JSON.stringify({ success: false, error, seat }) };
}
