/** An address `[user:password@]host[:port]` with one of these protocols; the first one where it has none. undefined: it is no such address. */
export function serverUrl(address: string, protocols: readonly [string, string]): URL | undefined {
  try {
    const url = new URL(address.includes('://') ? address : `${protocols[0]}//${address}`);
    decodeURIComponent(url.username + url.password); // throws for an invalid escape
    const isUsable =
      protocols.includes(url.protocol) &&
      url.hostname !== '' &&
      url.port !== '0' &&
      ['', '/'].includes(url.pathname) &&
      url.search + url.hash === '';
    return isUsable ? url : undefined;
  } catch {
    return undefined;
  }
}
