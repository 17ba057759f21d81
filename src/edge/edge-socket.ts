import { type RawData, WebSocket } from 'ws';
import { closeReason } from '../protocol/close-codes.ts';

export interface SocketOwner {
  received(data: RawData, isBinary: boolean): void;
  /** A ping or a pong. */
  receivedControlFrame(): void;
  closed(): void;
}

/**
 * Calls its owner in place of listeners, which would be a fifth of the memory of a client that only watches. Sends a reason with
 * every code, also where `ws` itself closes the connection because of a frame that it refuses.
 */
export class EdgeSocket extends WebSocket {
  owner: SocketOwner | undefined;

  override close(code?: number, reason: string | Buffer | undefined = closeReason(code)): void {
    super.close(code, reason);
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    switch (event) {
      case 'message':
        this.owner?.received(args[0] as RawData, args[1] as boolean);
        return true;
      case 'ping':
      case 'pong':
        this.owner?.receivedControlFrame();
        return true;
      case 'close':
        this.owner?.closed();
        return true;
      case 'error':
        return true; // e.g. a message too large: `ws` closes the connection with the code
      default:
        return super.emit(event, ...args);
    }
  }
}
