import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { natsUsers } from './nats-users.ts';
import { redisUsers } from './redis-users.ts';
import { secretsIn } from './secrets-file.ts';

/**
 * Writes what docker-compose.yml calls its secrets, a file each, into `<dataDir>/compose`. The same for the same data
 * folder, and with the passwords of `./start.sh`. Returns that folder.
 */
export function writeComposeSecrets(dataDir: string): string {
  const secrets = secretsIn(dataDir);
  const { redisBookingPassword, natsBookingPassword, natsEdgePassword } = secrets;
  const natsSettings = {
    // Its health is asked inside its container, by nobody else.
    http: '127.0.0.1:8222',
    // By itself it takes three quarters of the host's memory, whatever the limit of its container. Files: of the disk.
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
    'edge-nats-url': `nats://edge:${natsEdgePassword}@nats:4222`,
    'session-keys': secrets.sessionKeys,
  };
  const folder = join(dataDir, 'compose');
  makeFolder(folder);
  // Each container has another user, who must be able to read its own; on this machine nobody comes into the folder.
  chmodSync(folder, 0o700);
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    rmSync(file, { force: true }); // what only may be read cannot be written over
    writeFileSync(file, `${content.trimEnd()}\n`);
    chmodSync(file, 0o444); // whatever the umask
  }
  return folder;
}
