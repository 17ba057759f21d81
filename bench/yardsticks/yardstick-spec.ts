import { join } from 'node:path';
import { httpUrl } from '../../src/launch/http-url.ts';
import { nodeFlags } from '../../src/launch/node-services.ts';
import { loopback } from '../../src/launch/ports.ts';
import { httpAnswers } from '../../src/launch/probes.ts';
import type { ServiceSpec } from '../../src/launch/service-process.ts';

export type YardstickName = 'bare-fastify' | 'naive-plan' | 'without-actors' | 'broadcast';

/** How to run a yardstick: as a process, with the same flags as ours. */
export function yardstickSpec(
  name: YardstickName,
  { port, logFile, env }: { port: number; logFile: string; env: NodeJS.ProcessEnv },
): ServiceSpec {
  return {
    name: `${name}-${port}`,
    command: [process.execPath, ...nodeFlags, join('dist', 'bench', 'yardsticks', `${name}.js`)],
    env: { ...process.env, ...env, HOST: loopback, PORT: String(port) },
    logFile,
    answers: () => httpAnswers(`${httpUrl(loopback, port)}/ready`),
    stopTimeoutMs: 3_000,
    hint: 'Read its log.',
  };
}
