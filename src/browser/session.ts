import type { SessionReply } from '../protocol/session.ts';

export type PageSession = Pick<SessionReply, 'user_id' | 'expires_at' | 'token'>;

const retryDelayMs = 1_000;

/**
 * The session of this browser, begun if there is none and else good for longer: its cookie then goes with every request of
 * this page. Asks until it is answered.
 */
export async function openSession(
  ask: typeof fetch,
  pause: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Promise<PageSession> {
  for (;;) {
    try {
      const response = await ask('/api/session', { method: 'POST' });
      if (response.ok) return (await response.json()) as PageSession;
    } catch {
      // No line; the page shows that it is connecting.
    }
    await pause(retryDelayMs);
  }
}

/** Half of it gone: time to ask for a longer one. Milliseconds; `nowMs` as `Date.now`. */
export function renewInMs({ expires_at }: PageSession, nowMs: number): number {
  return Math.max(60_000, Math.min((expires_at * 1000 - nowMs) / 2, 2 ** 31 - 1));
}
