import { json } from 'node:stream/consumers';
import { askPeer } from './ask-peer.ts';
import type { NodeStates } from './feed.ts';

/** The booking processes of the venue, this one among them, by name. */
export class Peers {
  readonly #self: string;
  readonly #urls: Map<string, string>;
  readonly #timeoutMs: number;

  /** `urls`: of every booking process. One on port 8080 is called `booking-8080`. */
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

  /** Where that process's own `path` is; undefined where there is no such process. */
  urlOf(name: string, path: string): string | undefined {
    const url = this.#urls.get(name);
    return url && new URL(path, url).href;
  }

  /** What the actors of every process show; `own` is what this one's do. Never rejects. */
  async states(own: NodeStates): Promise<NodeStates[]> {
    return Promise.all(this.names.map((name) => (this.isSelf(name) ? own : this.#ask(name))));
  }

  async #ask(node: string): Promise<NodeStates> {
    try {
      const url = this.urlOf(node, `/inspect/states?node=${node}`) as string;
      const response = await askPeer(url, AbortSignal.timeout(this.#timeoutMs));
      if (response.statusCode !== 200) return { node };
      const [states] = (await json(response)) as NodeStates[];
      return states ?? { node };
    } catch {
      return { node };
    }
  }
}
