import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A customer gets at least a /64 and can use every address in it. */
const ipv6PrefixBits = 64;

/**
 * The key under which limits count an address: the IPv4 address, or the /64 network of an IPv6 address. All spellings of an
 * address map to one key: IPv4 inside IPv6, upper case, leading zeros, a zone, a port that some proxies append.
 */
export function addressKey(address: string): string {
  if (isIP(address) === 4) return address;
  const bare = withoutPort(address.trim()).replace(/%.*$/s, '');
  if (isIP(bare) === 0) return bare.toLowerCase();
  const ip = ipaddr.process(bare);
  if (ip.kind() === 'ipv4') return ip.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${ip}/${ipv6PrefixBits}`)}/${ipv6PrefixBits}`;
}

function withoutPort(address: string): string {
  const [, bracketed, ipv4] = /^(?:\[(.*?)\](?::\d+)?|([\d.]+):\d+)$/s.exec(address) ?? [];
  return bracketed ?? ipv4 ?? address;
}
