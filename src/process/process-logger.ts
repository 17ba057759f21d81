import { type DestinationStream, type Logger, pino } from 'pino';

/** Where requests and errors keep what lets its bearer in. Nothing here logs them on purpose: this is for the day that something does. */
const secretNames = ['authorization', 'cookie', 'set-cookie', 'token', 'password'];
const depths = ['', '*.', '*.*.'];
const paths = depths.flatMap((depth) => secretNames.map((name) => `${depth.slice(0, -1)}["${name}"]`));

/** One line of JSON per entry; whatever is written into it stays a string in it. */
export function createProcessLogger(name: string, level: string, destination: DestinationStream): Logger {
  return pino({ name, level, redact: paths }, destination);
}
