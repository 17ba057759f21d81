import type { EdgePresence } from '../protocol/presence.ts';

/** Carries from edge to edge how many browsers each has. What is lost is told again a second later. */
export interface PresenceBus {
  /** To whoever listens now; lost, silently, while there is no connection. */
  publishPresence(presence: EdgePresence): void;
  /** Never of this bus's own `publishPresence`. The listener must not throw. */
  subscribePresence(listener: (presence: EdgePresence) => void): void;
}
