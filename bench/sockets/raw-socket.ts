import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { FrameReader, maskedFrame, opcodes } from './frame-reader.ts';

/** Shared by all sockets, which read one after another. */
const readBuffer = Buffer.alloc(256 * 1024);

export interface RawSocketListener {
  onOpen(): void;
  onText(bytes: Buffer, start: number, end: number): void;
  /** The connection is closed, lost or was never made. `code`: from the close frame, otherwise 1006. */
  onLost(code: number): void;
  /** The server refuses the upgrade with this status. `onLost` follows. */
  onRefused(httpStatus: number): void;
}

interface RawSocketOptions {
  /** Of a session, sent as the page's cookie. */
  token?: string | undefined;
  /** Absent: the system chooses one. */
  localAddress?: string | undefined;
}

/** A WebSocket client with the least possible cost. */
export class RawSocket {
  bytesRead = 0;
  readonly #socket: Socket;
  readonly #listener: RawSocketListener;
  readonly #frames = new FrameReader();
  #isOpen = false;
  #head = '';
  #closeCode = 1006;

  constructor(url: string, subprotocol: string, listener: RawSocketListener, options: RawSocketOptions = {}) {
    const { token, localAddress } = options;
    this.#listener = listener;
    const { hostname, port, host } = new URL(url);
    const cookie = token === undefined ? '' : `Cookie: session=${token}\r\n`;
    this.#socket = connect({
      host: hostname,
      port: Number(port) || 80,
      localAddress,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => this.#read(readBuffer.subarray(0, length)) },
    });
    this.#socket.on('connect', () => {
      this.#socket.write(
        `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n${cookie}\r\n`,
      );
    });
    this.#socket.on('error', () => {}); // `close` follows
    this.#socket.on('close', () => listener.onLost(this.#closeCode));
  }

  send(text: string): void {
    this.#socket.write(maskedFrame(opcodes.text, Buffer.from(text)));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): true {
    this.bytesRead += bytes.length;
    if (this.#isOpen) this.#frames.read(bytes, this.#onFrame);
    else this.#shakeHands(bytes);
    return true;
  }

  #shakeHands(bytes: Buffer): void {
    this.#head += bytes.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.#head)?.[1]);
    if (status !== 101) {
      this.#listener.onRefused(status);
      this.#socket.destroy();
      return;
    }
    this.#isOpen = true;
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1');
    this.#head = '';
    this.#listener.onOpen();
    if (rest.length > 0) this.#frames.read(rest, this.#onFrame);
  }

  readonly #onFrame = (opcode: number, bytes: Buffer, start: number, end: number): void => {
    if (opcode === opcodes.text) {
      this.#listener.onText(bytes, start, end);
    } else if (opcode === opcodes.ping) {
      this.#socket.write(maskedFrame(10, Buffer.from(bytes.subarray(start, end))));
    } else if (opcode === opcodes.close) {
      if (end - start >= 2) this.#closeCode = bytes.readUInt16BE(start);
      this.#socket.end();
    }
  };
}
