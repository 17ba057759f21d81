import { parentPort, workerData } from 'node:worker_threads';
import { type AttackName, attacks, type Target } from './attacks/attacks.ts';

// One hostile address, in a thread of its own. Sends 'started' once the attack is under way, and replies to each message with the results so far.

const { name, target } = workerData as { name: AttackName; target: Target };
const outcome: Record<string, number> = {};
parentPort?.on('message', () => parentPort?.postMessage(outcome));
await attacks[name].start(target, (what, by = 1) => {
  outcome[what] = (outcome[what] ?? 0) + by;
});
parentPort?.postMessage('started');
