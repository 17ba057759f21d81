/** Frame opcodes of RFC 6455 that a server sends. */
export const opcodes = { text: 1, close: 8, ping: 9 } as const;

type OnFrame = (opcode: number, bytes: Buffer, start: number, end: number) => void;

/**
 * Finds complete WebSocket frames in the bytes of a socket; copies only an incomplete frame: thousands of sockets in one
 * process must cost less than the server that they measure. Frames of a server are never masked, and here never fragmented.
 */
export class FrameReader {
  #rest: Buffer | undefined;

  /** The caller may reuse `bytes` after the call. `onFrame` gets the position of the payload, and must not keep the buffer. */
  read(bytes: Buffer, onFrame: OnFrame): void {
    const all = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    let at = 0;
    for (;;) {
      const payload = payloadAt(all, at);
      if (!payload || payload.end > all.length) break;
      onFrame((all[at] ?? 0) & 0x0f, all, payload.start, payload.end);
      at = payload.end;
    }
    this.#rest = at < all.length ? Buffer.from(all.subarray(at)) : undefined;
  }
}

function payloadAt(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  if (at + 2 > bytes.length) return undefined;
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  if (start > bytes.length) return undefined;
  if (short < 126) return { start, end: start + short };
  if (short === 126) return { start, end: start + bytes.readUInt16BE(at + 2) };
  return { start, end: start + Number(bytes.readBigUInt64BE(at + 2)) };
}

/** A frame of a client, which must be masked. A mask of zeros costs nothing. */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  if (payload.length > 65_535) throw new RangeError('A payload of more than 65,535 bytes is not supported');
  const isShort = payload.length < 126;
  const head = Buffer.alloc(isShort ? 6 : 8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (isShort ? payload.length : 126);
  if (!isShort) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
