import type { SessionReply } from '../protocol/session.ts';
import { retryAfterMs } from './retry-after.ts';

const requestTimeoutMs = 10_000;
const backoffBaseMs = 1_000;
const unreachableCapMs = 4_000;
const failedCapMs = 15_000;
const limitedMs = 10_000;
const forbiddenMs = 60_000;
const renewAtLeastMs = 60_000;
const renewAtMostMs = 2 ** 31 - 1;
/** Of a server that does not say how long a session lasts. */
const assumedLifetimeS = 3_600;
const checkEveryMs = 5_000;

/** Why there is no session. */
export interface SessionRefusal {
  /** Of the reply; undefined where none came. */
  status: number | undefined;
  /** Of the next try, on the monotonic clock. */
  retryAtMs: number;
}

export interface PageSessionOptions {
  fetch: typeof fetch;
  monotonicMs: () => number;
  random: () => number;
  /** The server has begun a session: its cookie is set if the browser takes it. */
  onBegun: () => void;
  /** The session is ready for use, has a new token or cookie, or is another user's. */
  onSession: (userId: string, previousUserId: string | undefined) => void;
  onRefused: (refusal: SessionRefusal) => void;
  /** The browser keeps no cookie: the session lasts for as long as the page is open. */
  onCookiesBlocked: () => void;
}

type Reply = Pick<SessionReply, 'user_id'> & { token?: string; expires_in?: number };

/** The session of this browser: its cookie goes with every request of the page. Where cookies are blocked, its token does. */
export class PageSession {
  readonly #options: PageSessionOptions;
  #userId: string | undefined;
  #isReady = false;
  #token: string | undefined;
  #areCookiesBlocked = false;
  #failures = 0;
  #isAsking = false;
  #refusal: SessionRefusal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #begunAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PageSessionOptions) {
    this.#options = options;
  }

  get userId(): string | undefined {
    return this.#userId;
  }

  /** True once the browser is known to send the session, or has its token. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Only where cookies are blocked. */
  get token(): string | undefined {
    return this.#token;
  }

  /** While there is no session. */
  get refusal(): SessionRefusal | undefined {
    return this.#isReady ? undefined : this.#refusal;
  }

  get authorization(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  /** Begins a session, or makes the present one last longer. Repeats itself until it succeeds, and before the session ends. */
  async begin(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    try {
      await this.#ask();
    } finally {
      this.#isAsking = false;
    }
  }

  /** Tries again at once, except where the server has set the time. */
  retry(): void {
    if (this.refusal && this.refusal.status !== 429) void this.begin();
  }

  /** The server is there: what failed without a reply may work now. */
  serverAnswered(): void {
    if (this.refusal && this.refusal.status === undefined) void this.begin();
  }

  /** The server has ended it. Never in a loop, whatever the server says of the next one. */
  over(): void {
    const sinceMs = this.#options.monotonicMs() - this.#begunAtMs;
    if (sinceMs >= checkEveryMs) void this.begin();
    else if (!this.#isAsking) this.#renewIn(checkEveryMs - sinceMs);
  }

  /** A command was refused for its user: the session may be over, or another tab's. */
  async check(): Promise<void> {
    const nowMs = this.#options.monotonicMs();
    if (this.#isAsking || !this.#isReady || nowMs - this.#checkedAtMs < checkEveryMs) return;
    this.#checkedAtMs = nowMs;
    const found = await this.#present();
    if (found === undefined) void this.begin();
    else if (found !== 'unknown') this.#use(found);
  }

  async #ask(): Promise<void> {
    const reply = await this.#begun();
    if ('retryMs' in reply) return this.#refused(reply);
    if (!this.#isReady) this.#userId = reply.user_id;
    this.#options.onBegun();
    const present = this.#areCookiesBlocked ? 'unknown' : await this.#present();
    if (present === undefined) {
      this.#areCookiesBlocked = true;
      this.#options.onCookiesBlocked();
      return this.#ask();
    }
    this.#failures = 0;
    this.#refusal = undefined;
    this.#begunAtMs = this.#options.monotonicMs();
    this.#token = this.#areCookiesBlocked ? reply.token : undefined;
    this.#renewIn(renewInMs(reply.expires_in ?? assumedLifetimeS, this.#options.random()));
    // Another tab may have begun a session in between; its cookie is what counts.
    this.#use(present === 'unknown' ? reply.user_id : present);
  }

  async #begun(): Promise<Reply | { status: number | undefined; retryMs: number }> {
    const byToken = {
      headers: { ...this.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ token: true }),
    };
    let response: Response | undefined;
    try {
      response = await this.#options.fetch('/api/session', {
        method: 'POST',
        signal: AbortSignal.timeout(requestTimeoutMs),
        ...(this.#areCookiesBlocked && byToken),
      });
      const reply = response.ok ? ((await response.json()) as Partial<Reply>) : undefined;
      const isWhole = reply?.user_id !== undefined && (!this.#areCookiesBlocked || reply.token !== undefined);
      if (isWhole) return reply as Reply;
    } catch {
      // No line, no reply in time, or a reply that is not from this server.
    }
    const status = response?.status;
    return { status, retryMs: this.#retryMs(status, response && retryAfterMs(response)) };
  }

  /** Whose the session is that this browser sends by itself. Undefined: it sends none. */
  async #present(): Promise<string | undefined> {
    try {
      const response = await this.#options.fetch('/api/session', {
        signal: AbortSignal.timeout(requestTimeoutMs),
        cache: 'no-store',
        headers: this.authorization,
      });
      if (response.status === 401) return undefined;
      const reply = response.ok ? ((await response.json()) as Partial<Reply>) : {};
      return reply.user_id ?? 'unknown';
    } catch {
      return 'unknown';
    }
  }

  #use(userId: string): void {
    const previous = this.#isReady ? this.#userId : undefined;
    this.#userId = userId;
    this.#isReady = true;
    this.#options.onSession(userId, previous);
  }

  #refused({ status, retryMs }: { status: number | undefined; retryMs: number }): void {
    this.#failures++;
    this.#refusal = { status, retryAtMs: this.#options.monotonicMs() + retryMs };
    this.#renewIn(retryMs);
    if (!this.#isReady) this.#options.onRefused(this.#refusal);
  }

  /** With jitter, always after what the server asks for: those that were refused together do not come back together. */
  #retryMs(status: number | undefined, afterMs: number | undefined): number {
    const capMs = status === undefined ? unreachableCapMs : failedCapMs;
    const backoffMs = Math.min(capMs, backoffBaseMs * 2 ** this.#failures);
    const fixedMs = status === 403 ? forbiddenMs : status === 429 ? limitedMs : backoffMs;
    const waitMs = Math.max(backoffBaseMs, afterMs ?? fixedMs);
    return Math.min(renewAtMostMs, Math.round(waitMs * (1 + this.#options.random() / 4)));
  }

  #renewIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.begin(), delayMs);
  }
}

/** When about half of the session is over. `random` is in [0, 1). */
export function renewInMs(lifetimeS: number, random: number): number {
  const halfMs = (lifetimeS * 1000 * (0.9 + random / 5)) / 2;
  return Math.round(Math.min(renewAtMostMs, Math.max(renewAtLeastMs, halfMs || 0)));
}
