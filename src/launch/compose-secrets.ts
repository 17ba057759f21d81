import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { natsUsers } from './nats-users.ts';
import { newDatabaseScript, postgresUrl } from './postgres-roles.ts';
import { redisUsers } from './redis-users.ts';
import { secretsIn } from './secrets-file.ts';

/**
 * Writes the secrets that docker-compose.yml names, one file each, into `<dataDir>/compose`, and returns that folder. The
 * passwords are those that `./start.sh` uses with the same data folder.
 */
export function writeComposeSecrets(dataDir: string): string {
  const secrets = secretsIn(dataDir);
  const { redisBookingPassword, natsBookingPassword, natsEdgePassword } = secrets;
  const { postgresOwnerPassword: ownerPassword, postgresBookingPassword: bookingPassword } = secrets;
  const natsSettings = {
    // Only the health check inside the container uses it.
    http: '127.0.0.1:8222',
    // The default is three quarters of the host's memory, regardless of the container's limit.
    jetstream: { store_dir: '/data', max_memory_store: 256 * 1024 ** 2 },
    ...natsUsers({ bookingPassword: natsBookingPassword, edgePassword: natsEdgePassword }),
  };
  const files = {
    'redis-users': redisUsers({
      keyPrefix: '',
      adminPassword: secrets.redisAdminPassword,
      bookingPassword: redisBookingPassword,
    }),
    'nats-settings': JSON.stringify(natsSettings, undefined, 2),
    'booking-redis-url': `redis://booking:${redisBookingPassword}@redis:6379`,
    'booking-nats-url': `nats://booking:${natsBookingPassword}@nats:4222`,
    'postgres-admin-password': secrets.postgresAdminPassword,
    'postgres-roles': newDatabaseScript({ ownerPassword, bookingPassword }),
    'booking-database-url': postgresUrl('booking', bookingPassword, 5432, 'postgres'),
    'booking-database-owner-url': postgresUrl('booking_owner', ownerPassword, 5432, 'postgres'),
    'edge-nats-url': `nats://edge:${natsEdgePassword}@nats:4222`,
    'session-keys': secrets.sessionKeys,
  };
  const folder = join(dataDir, 'compose');
  makeFolder(folder);
  // Each container runs as another user, who must be able to read its file; on this machine the folder is closed to others.
  chmodSync(folder, 0o700);
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    rmSync(file, { force: true }); // a read-only file cannot be overwritten
    writeFileSync(file, `${content.trimEnd()}\n`);
    chmodSync(file, 0o444); // regardless of the umask
  }
  return folder;
}
