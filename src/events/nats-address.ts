/** NATS's own tools take an address without `nats://` too. Throws a TypeError where it is none. */
export const natsUrl = (address: string): URL => new URL(address.includes('://') ? address : `nats://${address}`);

export interface NatsLogin {
  servers: string[];
  user?: string;
  pass?: string;
  token?: string;
}

/** The client takes credentials apart from the addresses: those of the first, for all. `nats://<token>@…` is a token. */
export function natsLogin(addresses: readonly string[]): NatsLogin {
  const { username, password } = natsUrl(addresses[0] ?? '');
  const servers = addresses.map((address) => natsUrl(address).host);
  if (username === '') return { servers };
  if (password === '') return { servers, token: decodeURIComponent(username) };
  return { servers, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}
