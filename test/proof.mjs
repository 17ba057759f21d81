// The proof at length: npm run proof -- --minutes 10 --seed 42. What is printed as "proof:" are its figures.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write('usage: npm run proof -- [--minutes N] [--seed S], N > 0, S an integer\n');
  process.exit(2);
}

process.stdout.write(`proof: minutes ${minutes}, seed ${seed}\n`);
const files = ['test/simulation', 'test/faults', 'test/contract/seat-model', 'test/contract/seat-race'];
const env = {
  ...process.env,
  PROOF_MINUTES: String(minutes),
  FAULT_MINUTES: String(minutes),
  FAULT_DECISIONS: '300',
  SIMULATION_SEED: String(seed),
  FAULT_SEED: String(seed),
};
const { status } = spawnSync('npx', ['vitest', 'run', ...files], { env, stdio: 'inherit' });
process.exit(status ?? 1);
