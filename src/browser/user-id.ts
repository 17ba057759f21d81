const storageKey = 'concert-booking.user-id';

/** The same as UserId in the wire contract, which is kept out of the bundle together with its schema library. */
export const userIdPattern = /^[A-Za-z0-9_.:@-]{1,64}$/;

export function randomUserId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return `user_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** The user id of this browser. Where nothing can be stored, it lasts as long as the page. */
export function loadUserId(openStorage: () => Pick<Storage, 'getItem' | 'setItem'>): string {
  const fresh = randomUserId();
  try {
    // Merely reading window.localStorage throws where cookies are blocked.
    const storage = openStorage();
    const stored = storage.getItem(storageKey);
    if (stored !== null && userIdPattern.test(stored)) return stored;
    storage.setItem(storageKey, fresh);
  } catch {
    return fresh;
  }
  return fresh;
}
