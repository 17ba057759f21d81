import { type DestinationStream, type Logger, pino } from 'pino';

/** Fields of requests and errors that hold credentials. No code logs them on purpose: this guards against accidents. */
const secretNames = ['authorization', 'cookie', 'set-cookie', 'token', 'password'];
const depths = ['', '*.', '*.*.'];
const paths = depths.flatMap((depth) => secretNames.map((name) => `${depth.slice(0, -1)}["${name}"]`));

/** One line of JSON per entry, with the name of its level and ISO time. Text from clients stays inside its string. */
export function createProcessLogger(name: string, level: string, destination: DestinationStream): Logger {
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ name, level, redact: paths, formatters, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
