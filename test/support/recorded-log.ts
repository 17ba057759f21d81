import { type Logger, pino } from 'pino';

interface LogLine extends Record<string, unknown> {
  level: number;
  msg: string;
}

/** A logger that records its lines. */
export function recordedLog(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { lines, logger: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) };
}
