import { element, setText } from '../browser/dom.ts';
import type { NodeStates } from '../inspect/feed.ts';
import { inspectPath } from '../inspect/inspect-path.ts';
import { type Difference, NodeDifferences } from './node-differences.ts';
import type { PageShow } from './page-show.ts';

const statesEveryMs = 1_000;

interface ProcessesOptions {
  /** The process to watch; undefined while there is only one. */
  onChoose: (node: string | undefined) => void;
  onCompared: () => void;
}

/** The booking processes: chooses one to watch, and compares the states of their actors. */
export class Processes {
  readonly #show: PageShow;
  readonly #options: ProcessesOptions;
  readonly #picker = element('node', HTMLSelectElement);
  readonly #compared = new NodeDifferences();
  #differences: Difference[] = [];
  #silent: string[] = [];

  constructor(show: PageShow, options: ProcessesOptions) {
    this.#show = show;
    this.#options = options;
    this.#picker.addEventListener('change', () => options.onChoose(this.#picker.value));
  }

  get differingSeats(): ReadonlySet<string> {
    return new Set(this.#differences.map(({ seatId }) => seatId));
  }

  start(): void {
    const { node: self, nodes } = this.#show.settings;
    const areSeveral = nodes.length > 1;
    this.#picker.replaceChildren(...nodes.map((name) => new Option(name, name, name === self, name === self)));
    this.#picker.closest('label')?.classList.toggle('alone', !areSeveral);
    this.#options.onChoose(areSeveral ? self : undefined);
    if (areSeveral) setInterval(() => void this.#compare(), statesEveryMs);
  }

  render(): void {
    const count = this.#picker.options.length;
    const root = element('nodes', HTMLElement);
    root.hidden = count < 2;
    if (root.hidden) return;
    const faults = [
      ...this.#silent.map((name) => `${name} does not reply.`),
      ...this.#differences.map(({ seatId, states }) => {
        const each = [...states].map(([name, state]) => `${name} ${state}`);
        return `${seatId}: ${each.join(', ')}`;
      }),
    ];
    setText(root, faults.join('\n') || `${count} processes, all in the same state.`);
    root.classList.toggle('alarm', faults.length > 0);
  }

  async #compare(): Promise<void> {
    try {
      const nodes = (await (await fetch(inspectPath('states', { show: this.#show.param }))).json()) as NodeStates[];
      this.#silent = nodes.filter(({ seats }) => !seats).map(({ node }) => node);
      this.#differences = this.#compared.compare(nodes);
    } catch {
      // The process that served the page is down. The feed shows that; the next comparison follows soon.
    }
    this.#options.onCompared();
  }
}
