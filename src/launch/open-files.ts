import { execFileSync } from 'node:child_process';

/** `worker_rlimit_nofile` of nginx.conf.template. */
const nginxOpenFiles = 20_000;
/** Open files of a process besides the connections of browsers. */
const ownFiles = 100;

/** A warning if this shell allows fewer open files than MAX_CONNECTIONS needs. */
export function openFilesWarning(maxConnections: number, limit = openFilesLimit()): string | undefined {
  // nginx opens two connections per browser: one to the browser, one to an edge.
  const needed = Math.min(nginxOpenFiles, 2 * maxConnections + ownFiles);
  if (limit >= needed) return undefined;
  return (
    `A process may open ${limit} files here (ulimit -n), and MAX_CONNECTIONS=${maxConnections} needs ${needed}: ` +
    `beyond some ${Math.max(0, Math.floor((limit - ownFiles) / 2))} browsers connections fail. Run "ulimit -n ${needed}" before ./start.sh; ` +
    'if that is refused, raise the hard limit (limits.conf, or LimitNOFILE of a systemd unit).'
  );
}

/** The limit of child processes. Node raises only its own limit, to the hard one, at its start. */
function openFilesLimit(): number {
  const text = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}
