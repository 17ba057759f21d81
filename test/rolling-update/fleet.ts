import type { NodeServerOptions, TestServer } from '../support/servers.ts';

/** Two processes of one kind, and the port of a spare one: nginx and the edges know all three. */
export class Fleet {
  running: readonly TestServer[] = [];
  readonly ports: readonly number[];
  #sparePort: number;
  readonly #start: (options: NodeServerOptions) => Promise<TestServer>;

  constructor(ports: readonly [number, number, number], start: (options: NodeServerOptions) => Promise<TestServer>) {
    this.ports = ports;
    this.#sparePort = ports[2];
    this.#start = start;
  }

  /** `root`: of the build. */
  async start(root: string | undefined): Promise<void> {
    this.running = await Promise.all(this.ports.slice(0, 2).map((port) => this.#start({ port, root })));
  }

  /** Starts the new process at the spare port. Once it is ready, the old one gets SIGTERM, and its port is the spare one. */
  async replaceBesides(old: TestServer, root: string | undefined): Promise<void> {
    const fresh = await this.#start({ port: this.#sparePort, root });
    await old.kill('SIGTERM');
    this.#sparePort = old.port;
    this.#replaced(old, fresh);
  }

  /** The old process gets SIGTERM. Once it has ended, the new one starts at its port. */
  async replaceInPlace(old: TestServer, root: string | undefined): Promise<void> {
    await old.kill('SIGTERM');
    this.#replaced(old, await this.#start({ port: old.port, root }));
  }

  #replaced(old: TestServer, fresh: TestServer): void {
    this.running = this.running.map((server) => (server === old ? fresh : server));
  }
}
