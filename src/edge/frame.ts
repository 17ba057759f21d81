import type { ServerMessage } from '../protocol/messages.ts';

const finalText = 0x81; // FIN, opcode 1

/** A complete, unmasked WebSocket text message (RFC 6455) that can be written to any client's socket. */
export function textFrame(text: string): Buffer {
  return frameStart(text, 0);
}

/** The header and the first part of a text message; `restBytes` more bytes of payload follow. */
export function frameStart(text: string, restBytes: number): Buffer {
  const textBytes = Buffer.byteLength(text);
  const length = textBytes + restBytes;
  const headerLength = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + textBytes);
  frame[0] = finalText;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerLength);
  return frame;
}

export function messageFrame(message: ServerMessage): Buffer {
  return textFrame(JSON.stringify(message));
}
