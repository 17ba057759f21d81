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
/** Lifetime of a session if the server does not send it. */
const assumedLifetimeS = 3_600;
const checkEveryMs = 5_000;

/** The reason why there is no session. */
export interface SessionRefusal {
  /** Status of the reply; undefined if there was none. */
  status: number | undefined;
  /** Time of the next attempt, on the monotonic clock. */
  retryAtMs: number;
}

export interface PageSessionOptions {
  fetch: typeof fetch;
  monotonicMs: () => number;
  random: () => number;
  /** The server started a session: its cookie is set if the browser accepts cookies. */
  onBegun: () => void;
  /** The session is ready for use, has a new token or cookie, or is another user's. */
  onSession: (userId: string, previousUserId: string | undefined) => void;
  onRefused: (refusal: SessionRefusal) => void;
  /** The browser keeps no cookie: the session ends when the page is closed. */
  onCookiesBlocked: () => void;
}

type Reply = Pick<SessionReply, 'user_id'> & { token?: string; expires_in?: number };

/** The session of this browser. Every request of the page has its cookie, or its token if cookies are blocked. */
export class PageSession {
  readonly #options: PageSessionOptions;
  #userId: string | undefined;
  #isReady = false;
  #token: string | undefined;
  #areCookiesBlocked = false;
  #failures = 0;
  #isRequesting = false;
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

  /** True once the browser is known to send the cookie, or the page has the token. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Present only if cookies are blocked. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Present while there is no session. */
  get refusal(): SessionRefusal | undefined {
    return this.#isReady ? undefined : this.#refusal;
  }

  get authorization(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  /** Starts a session, or renews the current one. Repeats itself until it succeeds, and before the session ends. */
  async begin(): Promise<void> {
    if (this.#isRequesting) return;
    this.#isRequesting = true;
    clearTimeout(this.#timer);
    try {
      await this.#request();
    } finally {
      this.#isRequesting = false;
    }
  }

  /** Retries at once, unless the server has set the time of the next attempt. */
  retry(): void {
    if (this.refusal && this.refusal.status !== 429) void this.begin();
  }

  /** The server is reachable: a request that failed without a reply may succeed now. */
  serverReplied(): void {
    if (this.refusal && this.refusal.status === undefined) void this.begin();
  }

  /** The server ended the session. Never starts sessions in a loop, even if the server ends each one. */
  over(): void {
    const sinceMs = this.#options.monotonicMs() - this.#begunAtMs;
    if (sinceMs >= checkEveryMs) void this.begin();
    else if (!this.#isRequesting) this.#renewIn(checkEveryMs - sinceMs);
  }

  /** A command was refused because of its user: the session may have ended, or another tab may have started another one. */
  async check(): Promise<void> {
    const nowMs = this.#options.monotonicMs();
    if (this.#isRequesting || !this.#isReady || nowMs - this.#checkedAtMs < checkEveryMs) return;
    this.#checkedAtMs = nowMs;
    const userId = await this.#currentUser();
    if (userId === undefined) void this.begin();
    else if (userId !== 'unknown') this.#use(userId);
  }

  async #request(): Promise<void> {
    const reply = await this.#post();
    if ('retryMs' in reply) return this.#refused(reply);
    if (!this.#isReady) this.#userId = reply.user_id;
    this.#options.onBegun();
    const current = this.#areCookiesBlocked ? 'unknown' : await this.#currentUser();
    if (current === undefined) {
      this.#areCookiesBlocked = true;
      this.#options.onCookiesBlocked();
      return this.#request();
    }
    this.#failures = 0;
    this.#refusal = undefined;
    this.#begunAtMs = this.#options.monotonicMs();
    this.#token = this.#areCookiesBlocked ? reply.token : undefined;
    this.#renewIn(renewInMs(reply.expires_in ?? assumedLifetimeS, this.#options.random()));
    // Another tab may have started a session in between: the cookie decides.
    this.#use(current === 'unknown' ? reply.user_id : current);
  }

  async #post(): Promise<Reply | { status: number | undefined; retryMs: number }> {
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
      // No connection, no reply in time, or a reply that is not from this server.
    }
    const status = response?.status;
    return { status, retryMs: this.#retryMs(status, response && retryAfterMs(response)) };
  }

  /** User of the session whose cookie or token the requests have; undefined if they have none. */
  async #currentUser(): Promise<string | undefined> {
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

  /** Adds jitter to the time that the server requests: clients that were refused together do not return together. */
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

/** Time until about half of the session has passed. `random` is in [0, 1). */
export function renewInMs(lifetimeS: number, random: number): number {
  const halfMs = (lifetimeS * 1000 * (0.9 + random / 5)) / 2;
  return Math.round(Math.min(renewAtMostMs, Math.max(renewAtLeastMs, halfMs || 0)));
}
