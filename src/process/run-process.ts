import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { settingNames, type TracesConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { logConsole } from './console-log.ts';
import { LogDestination } from './log-destination.ts';
import { misspeltSettings } from './misspelt-settings.ts';
import { createProcessLogger } from './process-logger.ts';
import { RecentProblems } from './recent-problems.ts';
import { settingProblem } from './setting-problem.ts';
import { startTracing } from './start-tracing.ts';

/** A process that takes longer to end is ended. */
export const closeTimeoutMs = 5_000;
/** Thousands of browsers reconnect at once when another edge ends. */
const listenBacklog = 4_096;

interface Listener {
  listen(options: { host: string; port: number; backlog: number }): Promise<string>;
  close(): PromiseLike<unknown>;
}

/**
 * Runs one process of the system: settings, log, listening, and an orderly end on SIGINT or SIGTERM. A process that cannot
 * start writes the reason and the remedy to stderr and exits with code 1.
 */
export async function runProcess<Config extends TracesConfig & { LOG_LEVEL: string; HOST: string; PORT: number }>(
  name: string,
  loadConfig: (env: NodeJS.ProcessEnv) => Config,
  build: (config: Config, logger: Logger, problems: RecentProblems) => Promise<Listener>,
): Promise<void> {
  // Without a listener, a failed write to stderr would end the process.
  process.stderr.on('error', () => {});
  const misspelt = misspeltSettings(process.env, settingNames);
  try {
    const config = loadConfig(process.env);
    const { logger, destination, problems } = createLogger(name, config.LOG_LEVEL);
    for (const warning of misspelt) logger.warn(warning);
    const { HOST: host, PORT: port } = config;
    const stopTracing = await startTracing({ name, port }, config, logger);
    const app = await build(config, logger, problems);
    closeWithGrace({ delay: closeTimeoutMs, logger }, async ({ err, signal }) => {
      if (err) logger.fatal({ err }, 'Ending after an error');
      else logger.info({ signal }, 'Ending');
      await app.close();
      await stopTracing();
      await destination.settle();
    });
    const address = await app.listen({ host, port, backlog: listenBacklog }).catch((cause) => {
      throw listenProblem(cause, host, port);
    });
    logger.info({ address }, 'Listening');
  } catch (error) {
    process.stderr.write(`${[...misspelt, explain(error)].join('\n')}\n`);
    process.exit(1);
  }
}

function createLogger(name: string, level: string) {
  const destination = new LogDestination(1, (lost, cause) => {
    logger.warn({ lost, cause }, 'Log entries were lost because they could not be written');
  });
  const problems = new RecentProblems(destination);
  const logger: Logger = createProcessLogger(name, level, problems);
  logConsole(logger);
  process.on('exit', () => {
    destination.flush();
    if (destination.isBlocked) process.kill(process.pid, 'SIGKILL');
  });
  return { logger, destination, problems };
}

function listenProblem(cause: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ConfigError(
        `PORT=${port}: another program listens on this port of ${host}. Stop it, or set PORT to another port.`,
        { cause },
      );
    case 'EACCES':
      return new ConfigError(
        `PORT=${port}: this user may not listen on this port. Set PORT to a port above 1023, or grant the right to low ports.`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(
        settingProblem('HOST', host, 'an address of this machine, e.g. 127.0.0.1 (this machine only) or 0.0.0.0'),
        { cause },
      );
    default:
      return cause;
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
