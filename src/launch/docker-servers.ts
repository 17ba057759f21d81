import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { bracketed } from './http-url.ts';
import { print } from './print.ts';
import { rehearse } from './rehearse.ts';
import { runToLog } from './run-to-log.ts';
import { type ServerOrigin, type ServerProgram, type ServerRun, ServersMissingError } from './server-origin.ts';

const engineTimeoutMs = 3_000;
/** A container answers within a second; on a slow disk within a few. */
const rehearsalTimeoutMs = 8_000;

/** The same as in docker-compose.yml and Dockerfile. */
const images: Record<ServerProgram, string> = {
  'redis-server': 'redis:7-alpine',
  'nats-server': 'nats:2.10-alpine',
  nginx: 'nginx:1.28-alpine',
};

/** Nothing is written but into the folders that are given, and no program gets more rights than it began with. The log is the launcher's. */
const leastRights = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--log-driver', 'none'];

/** Of a root, others have none: the folders may be somebody else's; nginx listens below 1024, and its workers become another user. */
const capabilities: Record<ServerProgram, string[]> = {
  'redis-server': ['DAC_OVERRIDE'],
  'nats-server': ['DAC_OVERRIDE'],
  nginx: ['DAC_OVERRIDE', 'CHOWN', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'],
};

const docker = (args: string[], timeout = 0) => promisify(execFile)('docker', args, { timeout, killSignal: 'SIGKILL' });

export async function findDockerServers(
  needed: ServerProgram[],
  logFile: string,
  signal: AbortSignal,
  timeoutMs = rehearsalTimeoutMs,
): Promise<ServerOrigin> {
  const engine = await docker(['info'], engineTimeoutMs).catch(() => undefined);
  if (!engine) throw new ServersMissingError('Docker: no engine answers `docker info`');
  for (const program of needed) await pullIfMissing(images[program], logFile, signal);
  const isNative = process.platform === 'linux' && !isDockerDesktop(engine.stdout);
  const origin = isNative ? hostNetwork(engine.stdout.includes('rootless')) : publishedPorts;
  await requireReach(origin, dirname(logFile), { timeoutMs, signal });
  return origin;
}

/** Also in WSL. It has a virtual machine on Linux too. Its command-line plugins name it on any engine. */
const isDockerDesktop = (info: string) => /^\s*Operating System: Docker Desktop/m.test(info);

/** An engine may be on another machine, or around this one: only a server that was reached shows that it can be. */
async function requireReach(
  origin: ServerOrigin,
  logDir: string,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  try {
    await rehearse(origin, logDir, options);
  } catch (cause) {
    options.signal.throwIfAborted();
    const [reason] = (cause as Error).message.split('\n');
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
    throw new ServersMissingError(`Docker: ${(cause as Error).message}`, { cause });
  }
}

/** The container shares the machine's network: same ports, same addresses, nothing published to anyone else. */
function hostNetwork(rootless: boolean): ServerOrigin {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  // Root in a rootless engine's container is the user outside of it, who must own the data. A container has no other way to
  // a port below 1024 than to begin as root, with no more of root's rights than these.
  const userOf = ({ user = own, listens }: ServerRun) =>
    rootless || (own.uid === 0 && listens.some(({ port }) => port < 1024)) ? [] : ['--user', `${user.uid}:${user.gid}`];
  return {
    description: 'Docker',
    isContainer: true,
    bindHost: (host) => host,
    machineHost: '127.0.0.1',
    command: (program, run) => dockerRun(program, run, ['--network', 'host', ...userOf(run)]),
  };
}

/** On macOS and Windows, and with Docker Desktop on Linux, the engine lives in a virtual machine: its network is not the one of the browser. */
const publishedPorts: ServerOrigin = {
  description: 'Docker',
  isContainer: true,
  bindHost: () => '0.0.0.0',
  machineHost: 'host.docker.internal',
  command: (program, run) =>
    dockerRun(
      program,
      run,
      run.listens.flatMap(({ host, port }) => ['-p', `${bracketed(host)}:${port}:${port}`]),
    ),
};

function dockerRun(program: ServerProgram, { args, folders }: ServerRun, options: string[]) {
  const name = `concert-booking-${program}-${randomBytes(4).toString('hex')}`;
  const rights = [...leastRights, ...capabilities[program].flatMap((capability) => ['--cap-add', capability])];
  const volumes = folders.flatMap((folder) => ['-v', `${folder}:${folder}`]);
  return {
    command: [
      ...(['docker', 'run', '--rm', '--name', name, ...rights, ...options, ...volumes] as const),
      ...(['--entrypoint', program, images[program], ...args] as const),
    ] as const,
    // A killed `docker run` leaves its container running.
    cleanUp: ['docker', 'rm', '-f', name] as const,
  };
}
