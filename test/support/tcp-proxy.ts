import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const loopback = '127.0.0.1';

/** A link between two processes that can fail as networks do. Loopback only. */
export interface TcpProxy {
  readonly port: number;
  /** Delays everything by this time, in each direction; 0: no delay. */
  delay(ms: number): void;
  /** Cuts all connections and refuses new ones, as a host that is down does. */
  drop(): void;
  /** A partition: connections from this address go silent, and new ones fail; others are not affected. */
  cutOff(address: string): void;
  /** Cuts all connections; clients can reconnect. */
  cut(): void;
  /** Forwards requests and drops replies. Connections that lost a reply are cut when this ends: TCP never continues after a gap. */
  swallowReplies(isSwallowing: boolean): void;
  /** Forwards nothing, silently: connections stay open, and new ones are accepted. */
  hang(): void;
  /** Existing connections go silent for good, as behind a firewall that dropped its state; new connections work. */
  silence(): void;
  /** New connections go to another port: a stable name whose server has changed. */
  retarget(port: number): void;
  /** Ends every fault. Blocked data moves again. */
  heal(): void;
  close(): Promise<void>;
}

/** In front of the server on `targetPort` of this machine, which may start later. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const proxy = new LinkProxy(targetPort);
  await proxy.listen();
  return proxy;
}

class LinkProxy implements TcpProxy {
  #targetPort: number;
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  readonly #links = new Set<Link>();
  #delayMs = 0;
  #isRefusing = false;
  #refusedAddress: string | undefined;
  #isHanging = false;
  #isSwallowing = false;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, loopback);
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  delay(ms: number): void {
    this.#delayMs = ms;
  }

  drop(): void {
    this.#isRefusing = true;
    this.cut();
  }

  cutOff(address: string): void {
    this.#refusedAddress = address;
    for (const link of this.#links) if (link.clientAddress === address) link.silence();
  }

  cut(): void {
    for (const link of this.#links) link.cut();
  }

  swallowReplies(isSwallowing: boolean): void {
    this.#isSwallowing = isSwallowing;
    if (!isSwallowing) for (const link of this.#links) link.cutIfHoled();
  }

  hang(): void {
    this.#isHanging = true;
    for (const link of this.#links) link.hang(true);
  }

  silence(): void {
    for (const link of this.#links) link.silence();
  }

  retarget(port: number): void {
    this.#targetPort = port;
  }

  heal(): void {
    this.#delayMs = 0;
    this.#isRefusing = false;
    this.#refusedAddress = undefined;
    this.swallowReplies(false);
    this.#isHanging = false;
    for (const link of this.#links) link.hang(false);
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    // The kernel has accepted it already; a reset is the nearest to a refusal without giving up the port.
    if (this.#isRefusing || client.remoteAddress === this.#refusedAddress) return void client.resetAndDestroy();
    const link: Link = new Link({
      client,
      target: connect({ port: this.#targetPort, host: loopback, allowHalfOpen: true }),
      delayMs: () => this.#delayMs,
      isSwallowing: () => this.#isSwallowing,
      onEnd: () => this.#links.delete(link),
    });
    this.#links.add(link);
    if (this.#isHanging) link.hang(true);
  }
}

interface LinkOptions {
  client: Socket;
  target: Socket;
  delayMs: () => number;
  isSwallowing: () => boolean;
  onEnd: () => void;
}

/** One connection through the proxy. */
class Link {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #delayMs: () => number;
  #isHoled = false;
  #isSilent = false;

  constructor({ client, target, delayMs, isSwallowing, onEnd }: LinkOptions) {
    this.#client = client;
    this.#target = target;
    this.#delayMs = delayMs;
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.on('error', () => {}); // `close` follows
      socket.on('close', () => {
        this.cut();
        onEnd();
      });
    }
    this.#pump(client, target, () => false);
    this.#pump(target, client, () => {
      if (isSwallowing()) this.#isHoled = true;
      return this.#isHoled;
    });
  }

  get clientAddress(): string | undefined {
    return this.#client.remoteAddress;
  }

  hang(isHanging: boolean): void {
    for (const socket of [this.#client, this.#target]) {
      if (isHanging || this.#isSilent) socket.pause();
      else socket.resume();
    }
  }

  silence(): void {
    this.#isSilent = true;
    this.hang(true);
  }

  cut(): void {
    // A reset, so that neither side mistakes it for an orderly close.
    for (const socket of [this.#client, this.#target]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  cutIfHoled(): void {
    if (this.#isHoled) this.cut();
  }

  #pump(from: Socket, to: Socket, isLost: () => boolean): void {
    const later = inOrder(this.#delayMs);
    from.on('data', (chunk) => {
      if (isLost()) return;
      later(() => {
        if (to.writable) to.write(chunk);
      });
    });
    from.on('end', () => later(() => to.end()));
  }
}

/** Runs each action after the delay at its time, but never before an earlier one. */
function inOrder(delayMs: () => number): (action: () => void) => void {
  const queue: { dueAtMs: number; action: () => void }[] = [];
  const work = () => {
    for (let next = queue[0]; next; next = queue[0]) {
      const remainingMs = next.dueAtMs - performance.now();
      if (remainingMs > 0) return void setTimeout(work, remainingMs);
      next.action();
      queue.shift();
    }
  };
  return (action) => {
    const isIdle = queue.length === 0;
    queue.push({ dueAtMs: performance.now() + delayMs(), action });
    if (isIdle) work();
  };
}
