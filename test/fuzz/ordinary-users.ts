import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';

// A separate process, so that it does not measure the load of the attacking process.
// `node ordinary-users.js <url> <users>`: until stdin ends, each user holds and releases a seat that no other user wants.
// Then one line of JSON: [[start in Unix milliseconds, duration in milliseconds, HTTP status], …]

const [url = '', userCount = '10'] = process.argv.slice(2);
const pauseMs = 50;
const pool = new Pool(url, { connections: Number(userCount) });
const served: [askedAtMs: number, latencyMs: number, status: number][] = [];
let isOver = false;
process.stdin.resume().on('end', () => {
  isOver = true;
});

async function ask(action: string, seatId: string, userId: string): Promise<void> {
  const askedAtMs = Date.now();
  const startMs = performance.now();
  const body = JSON.stringify({ seat_id: seatId, user_id: userId });
  const { statusCode, body: answer } = await pool.request({ method: 'POST', path: `/api/seats/${action}`, body });
  await answer.dump();
  served.push([askedAtMs, performance.now() - startMs, statusCode]);
}

async function use(index: number): Promise<void> {
  const seatId = `K${index + 1}`;
  while (!isOver) {
    await ask('select', seatId, `ordinary-${index}`);
    await delay(pauseMs * Math.random());
    await ask('release', seatId, `ordinary-${index}`);
    await delay(pauseMs * Math.random());
  }
}

await Promise.all(Array.from({ length: Number(userCount) }, (_, index) => use(index)));
await pool.close();
process.stdout.write(`${JSON.stringify(served)}\n`);
