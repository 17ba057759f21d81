import ipaddr from 'ipaddr.js';
import { commaList } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';

const namedNetworks: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Returns `TRUSTED_PROXIES` in CIDR notation, which nginx and @fastify/proxy-addr both read. Throws a `ConfigError`. */
export function parseTrustedProxies(text: string): string[] {
  const networks = commaList(text).flatMap((item) => namedNetworks[item.toLowerCase()] ?? networkOf(item));
  return [...new Set(networks)];
}

function networkOf(item: string): string {
  const refuse = (reason: string) => {
    const forms = `an address, a network (10.0.0.0/8) or one of ${Object.keys(namedNetworks).join(', ')}`;
    return new ConfigError(`TRUSTED_PROXIES: "${item}" ${reason}. Each item of the comma list is ${forms}.`);
  };
  const [address = '', ...rest] = item.split('/');
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) {
    throw refuse('is not an IP address or network');
  }
  const parsed = ipaddr.parse(address);
  const maxBits = parsed.kind() === 'ipv4' ? 32 : 128;
  const bits = rest.length === 0 ? maxBits : Number(/^\d{1,3}$/.exec(rest.join('/'))?.[0] ?? Number.NaN);
  if (!(bits <= maxBits)) throw refuse('has a wrong prefix length');
  if (bits === 0) throw refuse('would trust every client to name its own address');
  const [ip, prefix] = parsed instanceof ipaddr.IPv6 ? withoutMapping(parsed, bits) : [parsed, bits];
  const cidr = `${ip}/${prefix}`;
  const network =
    ip.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  return `${network}/${prefix}`;
}

/** Peers are compared by IPv4 address, so a network inside ::ffff:0:0/96 becomes an IPv4 network. */
function withoutMapping(ip: ipaddr.IPv6, bits: number): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  return ip.isIPv4MappedAddress() && bits > 96 ? [ip.toIPv4Address(), bits - 96] : [ip, bits];
}
