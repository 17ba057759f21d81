import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { ConfigError } from './config-error.ts';
import { LogDestination } from './log-destination.ts';
import { createProcessLogger } from './process-logger.ts';

const closeTimeoutMs = 5_000;
/** Thousands of browsers come at once when another edge has gone. */
const listenBacklog = 4_096;

interface Listener {
  listen(options: { host: string; port: number; backlog: number }): Promise<string>;
  close(): PromiseLike<unknown>;
}

/**
 * Runs one process of the system: settings, log, listening, and an end in good order on SIGINT or SIGTERM. What keeps
 * it from starting is said on stderr in words that tell what to do, and the exit code is 1.
 */
export async function runProcess<Config extends { LOG_LEVEL: string; HOST: string; PORT: number }>(
  name: string,
  loadConfig: (env: NodeJS.ProcessEnv) => Config,
  build: (config: Config, logger: Logger) => Promise<Listener>,
): Promise<void> {
  // Without a listener, a failed write to stderr would end the process.
  process.stderr.on('error', () => {});
  try {
    const config = loadConfig(process.env);
    const { logger, destination } = createLogger(name, config.LOG_LEVEL);
    const app = await build(config, logger);
    closeWithGrace({ delay: closeTimeoutMs, logger }, async ({ err, signal }) => {
      if (err) logger.fatal({ err }, 'Ending after an error');
      else logger.info({ signal }, 'Ending');
      await app.close();
      await destination.settle();
    });
    const address = await app.listen({ host: config.HOST, port: config.PORT, backlog: listenBacklog });
    logger.info({ address }, 'Listening');
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
}

function createLogger(name: string, level: string): { logger: Logger; destination: LogDestination } {
  const destination = new LogDestination(1, (lost, cause) => {
    logger.warn({ lost, cause }, 'Log entries were lost because they could not be written');
  });
  const logger = createProcessLogger(name, level, destination);
  process.on('exit', () => {
    destination.flush();
    if (destination.isBlocked) process.kill(process.pid, 'SIGKILL');
  });
  return { logger, destination };
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}: something else listens there; set PORT to another, or end it`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
