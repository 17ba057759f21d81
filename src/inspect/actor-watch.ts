import type { StatelyActorEvent, StatelyEventEvent } from '@statelyai/inspect';
import type { AnyActor, AnyEventObject, AnyTransitionDefinition, InspectionEvent } from 'xstate';
import { transitionClass } from '../charts/chart-class.ts';
import { errorOf } from '../process/error-facts.ts';
import { isObject } from '../process/is-object.ts';
import { type FeedMessage, inspectionVersion } from './feed.ts';
import type { Projection } from './projection.ts';

const keptEvents = 50;

interface ShownSnapshot {
  status: StatelyActorEvent['snapshot']['status'];
  value?: unknown;
  context?: unknown;
}

export interface ActorWatchOptions {
  /** Id in the feed: XState's own session id is `x:0` for every root actor. */
  id: string;
  definition: string;
  /** The current snapshot of the actor. */
  snapshot: () => ShownSnapshot;
  projection: Projection;
  send: (message: FeedMessage) => void;
  onError: (error: Error) => void;
}

/** Shows one actor, which may start later. It has an observer between `start` and `stop`. */
export class ActorWatch {
  readonly #options: ActorWatchOptions;
  #subscription: { unsubscribe(): void } | undefined;
  #recent: StatelyEventEvent[] = [];

  constructor(options: ActorWatchOptions) {
    this.#options = options;
  }

  get isStarted(): boolean {
    return this.#subscription !== undefined;
  }

  start(actor: AnyActor): void {
    const { onError } = this.#options;
    this.#subscription = actor.system.inspect({
      next: (event: InspectionEvent) => {
        try {
          if (event.actorRef === actor && !isStop(event)) this.#see(event);
        } catch (error) {
          onError(errorOf(error)); // an exception here would stop the actor
        }
      },
    });
  }

  stop(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  /** Shows an event that the actor does not receive: a request to the store, or its reply. */
  receive(event: AnyEventObject): void {
    try {
      this.#sendEvent(event);
    } catch (error) {
      this.#options.onError(errorOf(error));
    }
  }

  /** Adds events from before `start`, oldest first. */
  remember(earlier: readonly { event: AnyEventObject; atMs: number }[]): void {
    const before = earlier.map(({ event, atMs }) => this.#eventMessage(event, atMs));
    this.#recent = [...before, ...this.#recent].slice(-keptEvents);
  }

  /** The first messages for a new viewer: the actor with its snapshot, and its last events. */
  get soFar(): FeedMessage[] {
    const { id, definition, snapshot } = this.#options;
    const actorMessage: StatelyActorEvent = {
      ...this.#head(Date.now()),
      type: '@xstate.actor',
      name: id,
      definition,
      parentId: undefined,
      snapshot: this.#shownSnapshot(snapshot()),
    };
    return [actorMessage, ...this.#recent];
  }

  #see(event: InspectionEvent): void {
    const { id, send } = this.#options;
    switch (event.type) {
      case '@xstate.event':
        this.#sendEvent(event.event);
        break;
      case '@xstate.microstep': {
        const classes = event._transitions.map(classOf);
        if (classes.length > 0) send({ type: 'transition', sessionId: id, classes });
        break;
      }
      case '@xstate.snapshot':
        send({
          ...this.#head(Date.now()),
          type: '@xstate.snapshot',
          event: this.#options.projection.event(event.event),
          snapshot: this.#shownSnapshot(event.snapshot) as never,
        });
        break;
    }
  }

  #sendEvent(event: AnyEventObject): void {
    const message = this.#eventMessage(event, Date.now());
    this.#recent.push(message);
    if (this.#recent.length > keptEvents) this.#recent.shift();
    this.#options.send(message);
  }

  #eventMessage(event: AnyEventObject, atMs: number): StatelyEventEvent {
    const shown = this.#options.projection.event(event);
    return { ...this.#head(atMs), type: '@xstate.event', event: shown, sourceId: undefined };
  }

  #head(atMs: number) {
    const { id } = this.#options;
    return { sessionId: id, rootId: id, id, createdAt: String(atMs), _version: inspectionVersion };
  }

  #shownSnapshot({ status, value, context }: ShownSnapshot) {
    return {
      ...(status && { status }),
      value,
      context: isObject(context) ? this.#options.projection.context(context) : {},
    };
  }
}

function classOf(transition: AnyTransitionDefinition): string {
  const { source, eventType } = transition;
  const siblings = source.transitions.get(eventType) ?? source.always ?? [];
  return transitionClass(source.id, eventType, siblings.indexOf(transition));
}

/** The end of the actor in this process, e.g. because another one takes its place: the state that it shows has not changed. */
const isStop = (event: InspectionEvent): boolean => 'event' in event && event.event.type === 'xstate.stop';
