import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../process/error-facts.ts';
import { bracketed } from './http-url.ts';
import { print } from './print.ts';
import { rehearse } from './rehearse.ts';
import { runToLog } from './run-to-log.ts';
import { type ServerOrigin, type ServerProgram, type ServerRun, ServersMissingError } from './server-origin.ts';
import type { ServiceUser } from './service-user.ts';

const engineTimeoutMs = 3_000;
/** A container answers within a second; on a slow disk within a few. */
const rehearsalTimeoutMs = 8_000;

/** The same images as in docker-compose.yml and Dockerfile. */
const images: Record<ServerProgram, string> = {
  'redis-server': 'redis:7-alpine',
  'nats-server': 'nats:2.10-alpine',
  nginx: 'nginx:1.28-alpine',
  postgres: 'postgres:15-alpine',
  initdb: 'postgres:15-alpine',
};

/** Only the mounted folders are writable, and no program can gain rights. The launcher writes the log. */
const leastRights = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--log-driver', 'none'];

/** Only root in a container has these. The folders may belong to another user; nginx listens below 1024 and changes the user of its workers. */
const capabilities: Record<ServerProgram, string[]> = {
  'redis-server': ['DAC_OVERRIDE'],
  'nats-server': ['DAC_OVERRIDE'],
  nginx: ['DAC_OVERRIDE', 'CHOWN', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'],
  postgres: [],
  initdb: [],
};

/** Also in a virtual machine, where the others run as root of the container. */
const refusesRoot: ReadonlySet<ServerProgram> = new Set(['postgres', 'initdb']);

const docker = (args: string[], timeout = 0) => promisify(execFile)('docker', args, { timeout, killSignal: 'SIGKILL' });

export async function findDockerServers(
  needed: ServerProgram[],
  logFile: string,
  signal: AbortSignal,
  timeoutMs = rehearsalTimeoutMs,
): Promise<ServerOrigin> {
  const engine = await docker(['info'], engineTimeoutMs).catch(() => undefined);
  if (!engine) throw new ServersMissingError('Docker: no engine replies to `docker info`');
  for (const image of new Set(needed.map((program) => images[program]))) await pullIfMissing(image, logFile, signal);
  const isNative = process.platform === 'linux' && !isDockerDesktop(engine.stdout);
  const origin = isNative ? hostNetwork(engine.stdout.includes('rootless')) : publishedPorts;
  await requireReach(origin, dirname(logFile), { timeoutMs, signal });
  return origin;
}

/** Matches only this line: the plugins of its command line are listed for every engine. Docker Desktop on Linux and WSL uses a virtual machine, too. */
const isDockerDesktop = (info: string) => /^\s*Operating System: Docker Desktop/m.test(info);

/** The engine may run on another machine, or outside of this container: only a trial server shows whether it can be reached. */
async function requireReach(
  origin: ServerOrigin,
  logDir: string,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  try {
    await rehearse(origin, logDir, options);
  } catch (cause) {
    options.signal.throwIfAborted();
    const [reason] = messageOf(cause).split('\n');
    throw new ServersMissingError(`Docker: a server in a container is out of reach of this machine (${reason})`, {
      cause,
    });
  }
}

async function pullIfMissing(image: string, logFile: string, signal: AbortSignal): Promise<void> {
  const present = await docker(['image', 'inspect', image]).catch(() => undefined);
  if (present) return;
  print(`Pulling the Docker image ${image} (log: ${logFile})`);
  try {
    await runToLog(['docker', 'pull', image], logFile, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new ServersMissingError(`Docker: ${messageOf(cause)}`, { cause });
  }
}

const ownIds = (): ServiceUser => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
const idsOf = ({ uid, gid }: ServiceUser) => `${uid}:${gid}`;

/** The container shares the machine's network: same ports and addresses, nothing else is published. */
function hostNetwork(rootless: boolean): ServerOrigin {
  const own = ownIds();
  // Root in a rootless engine's container is the user outside of it, who must own the data. In other engines a port below 1024
  // requires a container that starts as root, limited to these capabilities.
  const userOf = ({ user = own, listens }: ServerRun) =>
    rootless || (own.uid === 0 && listens.some(({ port }) => port < 1024)) ? [] : ['--user', idsOf(user)];
  return {
    description: 'Docker',
    isContainer: true,
    bindHost: (host) => host,
    machineHost: '127.0.0.1',
    command: (program, run) => dockerRun(program, run, ['--network', 'host', ...userOf(run)]),
  };
}

/** On macOS and Windows, and with Docker Desktop on Linux, the engine runs in a virtual machine with its own network. */
const publishedPorts: ServerOrigin = {
  description: 'Docker',
  isContainer: true,
  bindHost: () => '0.0.0.0',
  machineHost: 'host.docker.internal',
  command: (program, run) =>
    dockerRun(program, run, [
      ...run.listens.flatMap(({ host, port }) => ['-p', `${bracketed(host)}:${port}:${port}`]),
      ...(refusesRoot.has(program) ? ['--user', idsOf(run.user ?? ownIds())] : []),
    ]),
};

function dockerRun(program: ServerProgram, { args, folders, filesInContainer = [] }: ServerRun, options: string[]) {
  const name = `concert-booking-${program}-${randomBytes(4).toString('hex')}`;
  const rights = [...leastRights, ...capabilities[program].flatMap((capability) => ['--cap-add', capability])];
  const files = filesInContainer.map(({ path, at }) => `${path}:${at}:ro`);
  const volumes = [...folders.map((folder) => `${folder}:${folder}`), ...files].flatMap((volume) => ['-v', volume]);
  return {
    command: [
      ...(['docker', 'run', '--rm', '--name', name, ...rights, ...options, ...volumes] as const),
      ...(['--entrypoint', program, images[program], ...args] as const),
    ] as const,
    // A killed `docker run` leaves its container running.
    cleanUp: ['docker', 'rm', '-f', name] as const,
  };
}
