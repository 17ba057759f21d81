import { json } from 'node:stream/consumers';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { present } from '../process/present.ts';
import type { NodeStates } from './feed.ts';
import { fetchPeer } from './fetch-peer.ts';
import { inspectPath } from './inspect-path.ts';

/** The reply to `/inspect/states?node=…&show=…`: the states of that process. */
const StatesReply = Type.Tuple([
  Type.Object({
    node: Type.String(),
    seats: Type.Optional(
      Type.Record(Type.String(), Type.Object({ state: Type.String(), seq: Type.Integer({ minimum: 0 }) })),
    ),
  }),
]);
const statesReply = Compile(StatesReply);

/** All booking processes of the venue, including this one, by name. */
export class Peers {
  readonly #self: string;
  readonly #urls: Map<string, string>;
  readonly #timeoutMs: number;

  /** `urls`: of all booking processes. The process on port 8080 is `booking-8080`. */
  constructor({ self, urls, timeoutMs }: { self: string; urls: readonly string[]; timeoutMs: number }) {
    this.#self = self;
    this.#urls = new Map(urls.map((url) => [`booking-${new URL(url).port}`, url]));
    this.#timeoutMs = timeoutMs;
  }

  get names(): string[] {
    return [...new Set([...this.#urls.keys(), this.#self])].sort();
  }

  isSelf(name: string): boolean {
    return name === this.#self;
  }

  /** The URL of `path` at that process; undefined if there is no such process. */
  urlOf(name: string, path: string): string | undefined {
    const url = this.#urls.get(name);
    return url && new URL(path, url).href;
  }

  /** States of the show's actors in all processes; `own` are those of this process. Never rejects. */
  async states(own: NodeStates, show: string | undefined): Promise<NodeStates[]> {
    return Promise.all(this.names.map((name) => (this.isSelf(name) ? own : this.#fetch(name, show))));
  }

  async #fetch(node: string, show: string | undefined): Promise<NodeStates> {
    try {
      const url = present(this.urlOf(node, inspectPath('states', { node, show })), node);
      const response = await fetchPeer(url, AbortSignal.timeout(this.#timeoutMs));
      if (response.statusCode !== 200) return { node };
      const [states] = statesReply.Parse(await json(response));
      return states;
    } catch {
      return { node };
    }
  }
}
