import type { StatelyActorEvent, StatelyEventEvent } from '@statelyai/inspect';
import type { AnyActor, AnyEventObject, AnyTransitionDefinition, InspectionEvent } from 'xstate';
import { transitionClass } from '../charts/chart-class.ts';
import { type FeedMessage, inspectionVersion } from './feed.ts';
import type { Projection } from './projection.ts';

const keptEvents = 50;

export interface ActorWatchOptions {
  actor: AnyActor;
  /** In the feed. XState's own session ids are `x:0` for every actor that is a root. */
  id: string;
  definition: string;
  projection: Projection;
  tell: (message: FeedMessage) => void;
  onError: (error: Error) => void;
}

/** Watches one running actor, from `start` to `stop`; before and after, the actor knows nothing of it. */
export class ActorWatch {
  readonly #options: ActorWatchOptions;
  #subscription: { unsubscribe(): void } | undefined;
  #recent: StatelyEventEvent[] = [];

  constructor(options: ActorWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { actor, onError } = this.#options;
    this.#subscription = actor.system.inspect({
      next: (event: InspectionEvent) => {
        try {
          if (event.actorRef === actor) this.#see(event);
        } catch (error) {
          onError(error as Error); // thrown in here, it would be the actor's end
        }
      },
    });
  }

  stop(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  /** Shows an event that the actor itself does not get: what the store is asked about the seat, and that it replied. */
  receive(event: AnyEventObject): void {
    try {
      this.#tellEvent(event);
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  /** What happened before `start`, oldest first, as far as it is known from elsewhere. */
  remember(earlier: readonly { event: AnyEventObject; atMs: number }[]): void {
    const before = earlier.map(({ event, atMs }) => this.#eventMessage(event, atMs));
    this.#recent = [...before, ...this.#recent].slice(-keptEvents);
  }

  /** All that someone who comes now has to know: the actor as it is, and its last events. */
  get soFar(): FeedMessage[] {
    const { actor, id, definition } = this.#options;
    const told: StatelyActorEvent = {
      ...this.#head(Date.now()),
      type: '@xstate.actor',
      name: id,
      definition,
      parentId: undefined,
      snapshot: this.#shownSnapshot(actor.getSnapshot()),
    };
    return [told, ...this.#recent];
  }

  #see(event: InspectionEvent): void {
    const { id, tell } = this.#options;
    switch (event.type) {
      case '@xstate.event':
        this.#tellEvent(event.event);
        break;
      case '@xstate.microstep': {
        const classes = event._transitions.map(classOf);
        if (classes.length > 0) tell({ type: 'transition', sessionId: id, classes });
        break;
      }
      case '@xstate.snapshot':
        tell({
          ...this.#head(Date.now()),
          type: '@xstate.snapshot',
          event: this.#options.projection.event(event.event),
          snapshot: this.#shownSnapshot(event.snapshot) as never,
        });
        break;
    }
  }

  #tellEvent(event: AnyEventObject): void {
    const message = this.#eventMessage(event, Date.now());
    this.#recent.push(message);
    if (this.#recent.length > keptEvents) this.#recent.shift();
    this.#options.tell(message);
  }

  #eventMessage(event: AnyEventObject, atMs: number): StatelyEventEvent {
    const shown = this.#options.projection.event(event);
    return { ...this.#head(atMs), type: '@xstate.event', event: shown, sourceId: undefined };
  }

  #head(atMs: number) {
    const { id } = this.#options;
    return { sessionId: id, rootId: id, id, createdAt: String(atMs), _version: inspectionVersion };
  }

  #shownSnapshot(snapshot: { status: StatelyActorEvent['snapshot']['status']; value?: unknown; context?: unknown }) {
    const { status, value, context } = snapshot;
    return { ...(status && { status }), value, context: this.#options.projection.context(context) };
  }
}

function classOf(transition: AnyTransitionDefinition): string {
  const { source, eventType } = transition;
  const siblings = source.transitions.get(eventType) ?? source.always ?? [];
  return transitionClass(source.id, eventType, siblings.indexOf(transition));
}
