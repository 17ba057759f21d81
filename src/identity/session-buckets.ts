import { RateLimit } from './rate-limit.ts';
import { InvalidSessionError, type Sessions } from './sessions.ts';

/**
 * Finds the user under which a request is counted, so that a crowd behind one address does not use up the rate of a user
 * with a session. Failed verifications are limited per address: a flood of forged tokens costs few signature checks.
 */
export class SessionBuckets {
  readonly #sessions: Sessions;
  readonly #checks: RateLimit;

  constructor({ sessions, checksPerSecondPerAddress }: { sessions: Sessions; checksPerSecondPerAddress: number }) {
    this.#sessions = sessions;
    this.#checks = new RateLimit({ points: checksPerSecondPerAddress, seconds: 1, message: 'Too many tokens' });
  }

  /** Undefined if no token is valid; the request then counts under its address. */
  async userOf(tokens: readonly string[], address: string): Promise<string | undefined> {
    for (const token of tokens) {
      const session = this.#sessions.known(token) ?? (await this.#verified(token, address));
      if (session) return session.userId;
    }
    return undefined;
  }

  /** Counts before it verifies, so that concurrent requests cannot bypass the limit. */
  async #verified(token: string, address: string) {
    const mayCheck = await this.#checks.count(address).then(
      () => true,
      () => false,
    );
    if (!mayCheck) return undefined;
    try {
      const session = await this.#sessions.verify(token);
      await this.#checks.giveBack(address);
      return session;
    } catch (error) {
      if (error instanceof InvalidSessionError) return undefined;
      throw error;
    }
  }
}
