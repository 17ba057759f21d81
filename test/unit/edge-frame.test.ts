import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { textFrame } from '../../src/edge/frame.ts';

// Exported by `ws`, but not known to its types.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

test.each([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])('a frame of %i bytes is read as it was written', (length) => {
  const text = length > 2 ? `é${'x'.repeat(length - 2)}` : 'x'.repeat(length);
  const read: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer) => read.push(data.toString()));
  receiver.write(Buffer.concat([textFrame(text), textFrame('next')]));
  expect(read[0]).toBe(text);
});
