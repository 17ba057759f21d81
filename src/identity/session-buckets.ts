import { RateLimit } from './rate-limit.ts';
import { InvalidSessionError, type Sessions } from './sessions.ts';

/**
 * Finds the user under whom a request is counted, so that a crowd behind one address does not use up the requests of a user
 * with a session. Failed verifications are limited per address: a flood of forged tokens costs few signatures.
 */
export class SessionBuckets {
  readonly #sessions: Sessions;
  readonly #checks: RateLimit;

  constructor({ sessions, checksPerSecondPerAddress }: { sessions: Sessions; checksPerSecondPerAddress: number }) {
    this.#sessions = sessions;
    this.#checks = new RateLimit({ points: checksPerSecondPerAddress, seconds: 1, message: 'Too many tokens' });
  }

  /** Undefined: no token verifies, and the request counts under its address. */
  async userOf(tokens: readonly string[], address: string): Promise<string | undefined> {
    for (const token of tokens) {
      const session = this.#sessions.known(token) ?? (await this.#checked(token, address));
      if (session) return session.userId;
    }
    return undefined;
  }

  /** Counted before it is verified, so that many at once are no way round. */
  async #checked(token: string, address: string) {
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
