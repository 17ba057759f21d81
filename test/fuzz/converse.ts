import { Compile } from 'typebox/compile';
import { FrameReader } from '../../bench/sockets/frame-reader.ts';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import { ServerMessage } from '../../src/protocol/messages.ts';
import { rawSocket, whenClosed } from '../support/raw-http.ts';

/** Much of it gets no reply, or has no end: the connection stays half-open until then. */
const patienceMs = 400;

/** The replies of a server: counts of statuses, close codes and types of messages; and forbidden replies. */
export interface Said {
  counts: Map<string, number>;
  faults: string[];
}

export const newSaid = (): Said => ({ counts: new Map(), faults: [] });

const serverMessage = Compile(ServerMessage);
/** Of the protocol itself (RFC 6455), and ours. */
const closedRightly = new Set([1000, 1002, 1003, 1007, ...Object.values(closeCodes).map(({ code }) => code)]);
closedRightly.delete(closeCodes.internalError.code);

/** Writes all of it at once, reads the replies, and leaves without a close. */
export async function converse(url: string, bytes: Buffer, said: Said): Promise<void> {
  const socket = await rawSocket(url);
  const heard: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => heard.push(chunk));
  const timer = setTimeout(() => socket.destroy(), patienceMs);
  socket.write(bytes);
  await whenClosed(socket);
  clearTimeout(timer);
  note(Buffer.concat(heard), bytes, said);
}

function note(answer: Buffer, asked: Buffer, said: Said): void {
  const count = (what: string) => said.counts.set(what, (said.counts.get(what) ?? 0) + 1);
  const fault = (what: string) =>
    said.faults.push(`${what} to ${JSON.stringify(asked.toString('latin1').slice(0, 2_000))}`);
  const end = answer.indexOf('\r\n\r\n');
  const head = answer.subarray(0, end).toString('latin1');
  if (!head.startsWith('HTTP/1.1 101')) {
    const statuses = [...answer.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) [A-Z]/g)].map((found) =>
      Number(found[1]),
    );
    if (statuses.length === 0) count('no answer');
    for (const status of statuses) {
      count(`HTTP ${status}`);
      if (status >= 500 && status !== 503) fault(`HTTP ${status}`);
    }
    return;
  }
  count('HTTP 101');
  new FrameReader().read(answer.subarray(end + 4), (opcode, all, from, to) => {
    const payload = all.subarray(from, to);
    if (opcode === 8) {
      const code = payload.length === 0 ? 1005 : payload.readUInt16BE();
      count(`close ${code}`);
      if (code !== 1005 && !closedRightly.has(code)) fault(`close ${code}`);
    } else if (opcode === 1) {
      const message: unknown = JSON.parse(payload.toString());
      if (!serverMessage.Check(message))
        return fault(`a message of no type of ours: ${payload.toString().slice(0, 300)}`);
      const code = message.type === 'ERROR' ? ` ${message.data.code}` : '';
      count(`${message.type}${code}`);
      if (code === ' INTERNAL') fault(code);
    }
  });
}
