import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findExecutable } from '../../src/launch/find-executable.ts';
import { present } from '../../src/process/present.ts';
import { until } from '../faults/time.ts';
import { queried } from './queried.ts';
import { startPostgres, startPostgresProcess, type TestPostgres } from './servers.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const standbyName = 'standby';

/** A primary, and a standby that streams from it. */
export interface PostgresPair {
  primary: TestPostgres;
  standby: TestPostgres;
  /** The one address of both: leads to the primary until `address.retarget`. */
  address: TcpProxy;
  /** What the standby receives goes through it. */
  replication: TcpProxy;
  /** Through `address`. */
  url: string;
  ownerUrl: string;
  /** Makes the standby a primary. The address does not follow. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** `isSynchronous`: a commit waits until the standby has it on its disk. */
export async function startPostgresPair({ isSynchronous }: { isSynchronous: boolean }): Promise<PostgresPair> {
  const primary = await startPostgres();
  const replication = await startTcpProxy(primary.port);
  const address = await startTcpProxy(primary.port);
  const dir = mkdtempSync(join(tmpdir(), 'concert-booking-standby-'));
  await allowReplication(primary);
  await copyData(primary, replication.port, join(dir, 'postgres'));
  const standby = await startPostgresProcess({ dir });
  if (isSynchronous) await replicateSynchronously(primary);
  const throughAddress = (url: string) => url.replace(`:${primary.port}/`, `:${address.port}/`);
  return {
    primary,
    standby,
    address,
    replication,
    url: throughAddress(primary.url),
    ownerUrl: throughAddress(primary.ownerUrl),
    async promote() {
      await queried(standby.adminUrl, 'SELECT pg_promote()');
    },
    async stop() {
      await Promise.all([primary, standby].map((server) => server.stop()));
      await Promise.all([replication.close(), address.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The rules of `all` databases do not cover replication. */
async function allowReplication({ adminUrl }: TestPostgres): Promise<void> {
  const [found] = await queried<{ file: string }>(adminUrl, "SELECT current_setting('hba_file') AS file");
  appendFileSync(present(found, 'the file of rules').file, 'host replication postgres all scram-sha-256\n');
  await queried(adminUrl, 'SELECT pg_reload_conf()');
}

/** The copy begins as a standby of the server on `port`. */
async function copyData({ adminUrl }: TestPostgres, port: number, to: string): Promise<void> {
  const { password } = new URL(adminUrl);
  mkdirSync(to);
  writeFileSync(join(to, 'admin-password'), password);
  const source = `host=127.0.0.1 port=${port} user=postgres password=${password} application_name=${standbyName}`;
  const args = ['-d', source, '-D', join(to, 'data'), '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
  await promisify(execFile)(findExecutable('pg_basebackup') ?? 'pg_basebackup', args);
}

async function replicateSynchronously({ adminUrl }: TestPostgres): Promise<void> {
  await queried(adminUrl, `ALTER SYSTEM SET synchronous_standby_names = '${standbyName}'`);
  await queried(adminUrl, 'SELECT pg_reload_conf()');
  await until('the standby is synchronous', async () => {
    const rows = await queried<{ state: string }>(adminUrl, 'SELECT sync_state AS state FROM pg_stat_replication');
    return rows.some(({ state }) => state === 'sync');
  });
}
