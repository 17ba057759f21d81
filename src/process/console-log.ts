import { format } from 'node:util';
import type { Logger } from 'pino';
import { StateLog } from './state-log.ts';

/** Every line of a log is JSON, but libraries write text to the console, such as ioredis about a lost Sentinel. Each text is logged once. */
export function logConsole(logger: Logger): void {
  const log = new StateLog(logger);
  for (const method of ['error', 'warn'] as const) {
    console[method] = (...parts: unknown[]) => log.warn('A library wrote to the console', { text: format(...parts) });
  }
}
