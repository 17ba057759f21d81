import type { EdgePresence } from '../protocol/presence.ts';

/** Delivers each edge's number of browsers of one show to the other edges. A lost message is repeated a second later. */
export interface PresenceBus {
  /** To the connected subscribers; silently lost while there is no connection. */
  publishPresence(presence: EdgePresence): void;
  /** Never receives this bus's own `publishPresence`. The listener must not throw. Returns the end of the subscription. */
  subscribePresence(listener: (presence: EdgePresence) => void): () => void;
}
