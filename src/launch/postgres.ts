import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';
import { loopback } from './ports.ts';
import { postgresAnswers } from './postgres-roles.ts';
import { programEnv } from './program-env.ts';
import type { ServerOrigin } from './server-origin.ts';
import { ServiceProcess, type ServiceSpec } from './service-process.ts';
import { giveTo, type ServiceUser } from './service-user.ts';
import { writePrivately } from './write-privately.ts';

export interface PostgresOptions {
  origin: ServerOrigin;
  port: number;
  /** Holds the data, and the files that protect it. */
  dir: string;
  logFile: string;
  user?: ServiceUser | undefined;
}

const dataIn = (dir: string) => join(dir, 'data');

/** Every connection needs a password. The listening address limits the possible clients. */
const clientRules = 'host all all all scram-sha-256\n';

/**
 * Of the superuser `postgres`. It stays with the data that it protects: the other passwords, which are in `secrets.json`, are set again
 * at each start, by this one.
 */
const passwordFileIn = (dir: string) => join(dir, 'admin-password');

/** Makes the database if there is none yet. */
export async function postgresServer(
  options: PostgresOptions,
  signal: AbortSignal,
): Promise<{ spec: ServiceSpec; adminPassword: string }> {
  const { origin, port, dir, logFile, user } = options;
  makeFolder(dir);
  const rulesFile = writePrivately(join(dir, 'clients.conf'), clientRules);
  if (!existsSync(dataIn(dir))) await createData(options, signal);
  giveTo(user, dir);
  const adminPassword = adminPasswordIn(dir);
  const settings = {
    listen_addresses: origin.bindHost(loopback),
    port,
    unix_socket_directories: '',
    hba_file: rulesFile,
    max_connections: 100,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %u ',
  };
  const args = ['-D', dataIn(dir), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const spec: ServiceSpec = {
    name: 'postgres',
    ...origin.command('postgres', { args, folders: [dir], listens: [{ host: loopback, port }], user }),
    env: programEnv(),
    logFile,
    answers: () => postgresAnswers({ port, adminPassword }),
    // Ends its sessions. On SIGTERM it would wait until they end.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 3_000,
    hint: `Its data is in ${dir}; only the same major version can read it. Or use a Postgres of your own: DATABASE_URL=postgres://…`,
  };
  return { spec, adminPassword };
}

/** In a folder beside the final one: an interrupted start leaves no incomplete database. */
async function createData({ origin, dir, logFile, user }: PostgresOptions, signal: AbortSignal): Promise<void> {
  const draft = join(dir, 'data.new');
  rmSync(draft, { recursive: true, force: true });
  makeFolder(draft);
  const passwordFile = writePrivately(passwordFileIn(dir), `${randomBytes(24).toString('base64url')}\n`);
  // initdb looks up its user, which the image of a container does not have.
  const { uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0 } = user ?? {};
  const usersFile = writePrivately(join(dir, 'passwd'), `postgres:x:${uid}:${gid}::/:/bin/false\n`);
  giveTo(user, dir);
  const args = ['-D', draft, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  // The same in every origin: the sort order of texts must not change with another C library.
  args.push('--encoding=UTF8', '--locale=C', '--data-checksums', '--no-instructions');
  const creating = new ServiceProcess({
    name: 'initdb',
    ...origin.command('initdb', {
      args,
      folders: [dir],
      filesInContainer: [{ path: usersFile, at: '/etc/passwd' }],
      listens: [],
      user,
    }),
    env: programEnv(),
    logFile,
    answers: () => Promise.reject(new Error('it is still at work')),
    stopTimeoutMs: 1_000,
    hint: `It creates the database in ${dir}.`,
  });
  await creating.finished(signal);
  rmSync(usersFile);
  renameSync(draft, dataIn(dir));
}

function adminPasswordIn(dir: string): string {
  const file = passwordFileIn(dir);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw fileUnusable(file, cause);
  }
}
