import type { TestServer } from '../support/servers.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { FaultVenue } from './fault-venue.ts';
import { pause } from './time.ts';

/** A fault, and the function that ends it. */
export interface Fault {
  name: string;
  begin(): unknown;
  end(): unknown;
}

/** Each creates a fault of one kind, on a random part. */
export function randomFault(venue: FaultVenue, random: () => number): Fault {
  const among = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const [name, server] = among<[string, TestServer]>([
    ['Redis', venue.redis],
    ['NATS', venue.nats],
    ...numbered('booking', venue.bookings),
    ...numbered('edge', venue.edges),
  ]);
  const [linkName, link] = among(Object.entries(venue.links).flatMap(([kind, links]) => numbered(kind, links)));
  return among([
    killed(name, server),
    { name: `${name} SIGSTOP`, begin: () => server.kill('SIGSTOP'), end: () => server.kill('SIGCONT') },
    ...linkFaults(linkName, link),
  ]);
}

/** The behaviour of the link for a second or two. */
function linkFaults(name: string, link: TcpProxy): Fault[] {
  const end = () => link.heal();
  const faults: Fault[] = [
    { name: `${name} drops`, begin: () => link.drop(), end },
    { name: `${name} hangs`, begin: () => link.hang(), end },
    { name: `${name} is slow`, begin: () => link.delay(200), end },
    { name: `${name} swallows replies`, begin: () => link.swallowReplies(true), end },
    { name: `${name} is cut`, begin: () => link.cut(), end },
  ];
  return faults;
}

const killed = (name: string, server: TestServer): Fault => ({
  name: `${name} kill -9`,
  begin: () => server.kill('SIGKILL'),
  end: () => server.restart(),
});

const numbered = <T>(name: string, items: readonly T[]): [string, T][] =>
  items.map((item, i) => [`${name}-${i}`, item]);

/** Begins, lasts for a random time, and ends. */
export async function inflict({ begin, end }: Fault, random: () => number): Promise<void> {
  await begin();
  await pause(200 + 2_000 * random());
  await end();
}
