import { present } from '../../src/process/present.ts';
import { compactSubprotocol, subprotocol } from '../../src/protocol/close-codes.ts';
import { rateLimitRemedy } from '../audit/client-log.ts';
import { type LatencySummary, summarise } from '../measure/latency-summary.ts';
import { latencyHistogram, recordMs } from '../measure/recorder.ts';
import { hasChanges, kindAt, kinds, positionAfter, seqIn } from './message-scan.ts';
import { PacedViews } from './paced-views.ts';
import { RawSocket, type RawSocketListener } from './raw-socket.ts';

const connectingAtOnce = 250;
/** The page's backoff: full jitter, doubling. */
const backoff = { firstMs: 250, maxMs: 2_000 };
/** Every 16th socket is compared with the others byte by byte; the order is checked for all sockets. */
const comparedEvery = 16;

/** `v1`: every event. `v2`: paced, conflated changes. */
export type Protocol = 'v1' | 'v2';

export interface CrowdOptions {
  urls: readonly string[];
  /** Id of the show that the sockets watch. */
  venue: string;
  protocol: Protocol;
  /** All sockets begin at the first URL; the others are for those that lose it. Otherwise they take the URLs in turn. */
  startsAtFirst?: boolean;
  /** Tokens of sessions, one for each socket. */
  tokens?: readonly string[];
}

/** When an event was requested and (to the ms) committed, on the clock of `performance.timeOrigin + now()`. */
export type Stamp = [seq: number, sentAtMs: number, committedAtMs: number];

export interface CrowdResult {
  sockets: number;
  /** From `begin` to `end`: SEAT_UPDATEs, or SEATS with changes. */
  received: number;
  /** Events, or with v2 messages. */
  missed: number;
  repeated: number;
  outOfOrder: number;
  /** Messages that differ from those of another socket with the same seq. */
  different: number;
  /** With v2: the sockets, among those whose messages are read, whose final view is wrong. */
  wrong: number;
  /** Whole states while the socket was live: the edge started over, or the socket was too slow. */
  resyncs: number;
  /** With v2: all whole states since `begin`. */
  states: number;
  lost: number;
  closeCodes: Record<string, number>;
  /** From `begin` to `end`. */
  bytes: number;
  /** CPU time of the process of the sockets, from `begin` to `end`. */
  crowdCpuMs: number;
  /** From the time when the command was sent, and from its commit, until each socket is at its seq. */
  fromSent: LatencySummary | undefined;
  fromCommitted: LatencySummary | undefined;
  /** For each lost connection: the time until the socket was live again. */
  outagesMs: number[];
}

const now = () => performance.timeOrigin + performance.now();

/** Thousands of WebSocket clients. Counts their messages and records when each arrived. */
export class Crowd {
  readonly options: CrowdOptions;
  readonly #members: Member[] = [];
  #arrivals = new Float64Array(0);
  #firstSeq = Number.POSITIVE_INFINITY;
  #capacity = 0;
  readonly #messages = new Map<number, Buffer>();
  readonly paced = new PacedViews();
  /** Sums over all sockets. */
  readonly counts = { received: 0, repeated: 0, outOfOrder: 0, different: 0, resyncs: 0, states: 0, bytes: 0 };
  readonly #closeCodes: Record<string, number> = {};
  #rateLimited = false;
  #cpuAtBegin = process.cpuUsage();
  #used = { received: 0, bytes: 0, crowdCpuMs: 0 };
  readonly outagesMs: number[] = [];

  constructor(options: CrowdOptions) {
    this.options = options;
  }

  /** Resolves when each socket has received the venue. Rejects if one does not in time, or a rate limit refuses it. */
  async connect(count: number, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#members.length < count || this.live < count) {
      const connecting = this.#members.length - this.live;
      const room = Math.min(count - this.#members.length, connectingAtOnce - connecting);
      for (let i = 0; i < room; i++) this.#members.push(new Member(this, this.#members.length));
      if (this.#rateLimited) throw new Error(`rate limits refused a socket. ${rateLimitRemedy}`);
      if (performance.now() > deadlineMs) throw new Error(`only ${this.live} of ${count} sockets are live in time`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  get live(): number {
    let count = 0;
    for (const { isLive } of this.#members) if (isLive) count++;
    return count;
  }

  /** From now on, records the arrivals of `capacity` events after `seq`. */
  begin(seq: number, capacity: number): void {
    this.#firstSeq = seq + 1;
    this.#capacity = capacity;
    this.#arrivals = new Float64Array(capacity * this.#members.length);
    this.#cpuAtBegin = process.cpuUsage();
    Object.assign(this.counts, {
      received: 0,
      repeated: 0,
      outOfOrder: 0,
      different: 0,
      resyncs: 0,
      states: 0,
      bytes: 0,
    });
  }

  /** Resolves when all sockets are live and at `seq`, or after the time-out. */
  async reach(seq: number, timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!this.#members.every((member) => member.isLive && member.seq >= seq)) {
      if (performance.now() > deadlineMs) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return true;
  }

  /** The measured time is over; what arrives later is only audited. */
  end(): void {
    const { received, bytes } = this.counts;
    const { user, system } = process.cpuUsage(this.#cpuAtBegin);
    this.#used = { received, bytes, crowdCpuMs: (user + system) / 1_000 };
  }

  /** `statuses`: the truth at the end, a character per seat. */
  result(untilSeq: number, stamps: readonly Stamp[], statuses: string): CrowdResult {
    if (this.options.protocol === 'v2') this.#carryBack(untilSeq);
    const fromSent = latencyHistogram();
    const fromCommitted = latencyHistogram();
    const stampOf = new Map(stamps.map((stamp) => [stamp[0], stamp]));
    let missed = 0;
    for (let seq = this.#firstSeq; seq <= untilSeq && seq < this.#firstSeq + this.#capacity; seq++) {
      const stamp = stampOf.get(seq);
      const column = seq - this.#firstSeq;
      for (let socket = 0; socket < this.#members.length; socket++) {
        const arrivedAtMs = this.#arrivals[socket * this.#capacity + column] ?? 0;
        if (arrivedAtMs === 0) {
          missed++;
        } else if (stamp) {
          if (stamp[1] > 0) recordMs(fromSent, arrivedAtMs - stamp[1]);
          recordMs(fromCommitted, arrivedAtMs - stamp[2]);
        }
      }
    }
    const { skipped, outOfOrder, different } = this.paced.counts;
    return {
      sockets: this.#members.length,
      ...this.counts,
      ...this.#used,
      missed: missed + skipped,
      outOfOrder: this.counts.outOfOrder + outOfOrder,
      different: this.counts.different + different,
      wrong: this.paced.wrong(statuses),
      lost: this.#members.filter(({ isLive }) => !isLive).length,
      closeCodes: this.#closeCodes,
      fromSent: fromSent.totalCount > 0 ? summarise('click to receipt', fromSent) : undefined,
      fromCommitted: fromCommitted.totalCount > 0 ? summarise('commit to receipt', fromCommitted) : undefined,
      outagesMs: this.outagesMs,
    };
  }

  close(): void {
    for (const member of this.#members) member.close();
  }

  arrived(index: number, seq: number, bytes: Buffer, start: number, end: number): void {
    this.counts.received++;
    const column = seq - this.#firstSeq;
    if (column < 0 || column >= this.#capacity) return;
    this.#arrivals[index * this.#capacity + column] = now();
    if (index % comparedEvery !== 0) return;
    const message = this.#messages.get(seq);
    if (!message) this.#messages.set(seq, Buffer.from(bytes.subarray(start, end)));
    else if (bytes.compare(message, 0, message.length, start, end) !== 0) this.counts.different++;
  }

  /** The socket is at `seq`. */
  reached(index: number, seq: number): void {
    const column = seq - this.#firstSeq;
    if (column >= 0 && column < this.#capacity) this.#arrivals[index * this.#capacity + column] = now();
  }

  /** A state as of a seq has all events before it, too. */
  #carryBack(untilSeq: number): void {
    const last = Math.min(this.#capacity - 1, untilSeq - this.#firstSeq);
    for (let socket = 0; socket < this.#members.length; socket++) {
      let arrivedAtMs = 0;
      for (let at = socket * this.#capacity + last; at >= socket * this.#capacity; at--) {
        arrivedAtMs = this.#arrivals[at] || arrivedAtMs;
        this.#arrivals[at] = arrivedAtMs;
      }
    }
  }

  refused(httpStatus: number): void {
    if (httpStatus === 429) this.#rateLimited = true;
  }

  closed(code: number): void {
    this.#closeCodes[code] = (this.#closeCodes[code] ?? 0) + 1;
  }
}

/** One socket of the crowd. After a lost connection it reconnects and resumes at its position. */
class Member {
  isLive = false;
  epoch = '';
  seq = 0;
  readonly #crowd: Crowd;
  readonly #index: number;
  #turn: number;
  #socket: RawSocket | undefined;
  #failures = 0;
  #lostAtMs: number | undefined;
  #isClosed = false;
  #wasLive = false;
  #joinedAtSeq = 0;
  /** The messages before the ACK are the missed ones. */
  #isResuming = false;

  constructor(crowd: Crowd, index: number) {
    this.#crowd = crowd;
    this.#index = index;
    this.#turn = crowd.options.startsAtFirst ? 0 : index;
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #connect(): void {
    const { protocol, venue, tokens } = this.#crowd.options;
    const name = protocol === 'v2' ? compactSubprotocol : subprotocol;
    const listener: RawSocketListener = {
      onOpen: () => {
        this.#isResuming = this.#wasLive;
        const position = this.#wasLive ? { epoch: this.epoch, seq: this.seq } : undefined;
        socket.send(JSON.stringify({ type: 'CONNECT', data: { venue, position } }));
      },
      onText: (bytes, start, end) => this.#receive(bytes, start, end),
      onLost: (code) => this.#lost(code),
      onRefused: (httpStatus) => this.#crowd.refused(httpStatus),
    };
    const socket = new RawSocket(this.#url, name, listener, { token: tokens?.[this.#index] });
    this.#socket = socket;
  }

  get #url(): string {
    const { urls } = this.#crowd.options;
    return present(urls[this.#turn % urls.length], 'a URL');
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    this.#crowd.counts.bytes += end - start;
    switch (kindAt(bytes, start)) {
      case kinds.seatUpdate: {
        const seq = seqIn(bytes, start, end);
        if (seq === this.seq + 1) this.seq = seq;
        else if (seq <= this.seq) this.#crowd.counts.repeated++;
        else {
          this.#crowd.counts.outOfOrder++;
          this.seq = seq;
        }
        this.#crowd.arrived(this.#index, seq, bytes, start, end);
        break;
      }
      case kinds.seats:
        this.#receiveSeats(bytes, start, end);
        break;
      case kinds.venueState:
        Object.assign(this, positionAfter(bytes, start, end));
        if (this.isLive) this.#crowd.counts.resyncs++;
        this.#becomeLive();
        break;
      case kinds.ack:
        if (this.#isResuming) this.#becomeLive();
        break;
    }
  }

  #receiveSeats(bytes: Buffer, start: number, end: number): void {
    const { paced, counts } = this.#crowd;
    const latestSeq = this.isLive ? paced.latest(this.#url, this.#index, this.seq, bytes, start, end) : undefined;
    if (latestSeq !== undefined) {
      counts.received++;
      this.seq = latestSeq;
    } else this.#receiveOtherSeats(bytes.subarray(start, end));
    this.#crowd.reached(this.#index, this.seq);
  }

  #receiveOtherSeats(message: Buffer): void {
    const { paced, counts } = this.#crowd;
    paced.received(this.#index, message);
    if (hasChanges(message, 0)) {
      const seq = seqIn(message, 0, message.length);
      counts.received++;
      // The changes since its last position are for this socket alone.
      // An edge may be behind the one that served it before.
      if (this.isLive && seq >= this.#joinedAtSeq) paced.flushed(this.#url, this.seq, seq, message);
      this.seq = Math.max(this.seq, seq);
    } else {
      Object.assign(this, positionAfter(message, 0, message.length));
      counts.states++;
      if (this.isLive) counts.resyncs++;
      this.#becomeLive();
    }
  }

  #becomeLive(): void {
    if (!this.isLive) this.#joinedAtSeq = this.seq;
    this.isLive = true;
    this.#wasLive = true;
    this.#isResuming = false;
    this.#failures = 0;
    if (this.#lostAtMs !== undefined) this.#crowd.outagesMs.push(performance.now() - this.#lostAtMs);
    this.#lostAtMs = undefined;
  }

  #lost(code: number): void {
    if (this.#isClosed) return;
    if (this.isLive) {
      this.#crowd.closed(code);
      this.#lostAtMs = performance.now();
    }
    this.isLive = false;
    this.#turn++;
    const ceilingMs = Math.min(backoff.maxMs, backoff.firstMs * 2 ** this.#failures++);
    setTimeout(() => {
      if (!this.#isClosed) this.#connect();
    }, Math.random() * ceilingMs);
  }
}
