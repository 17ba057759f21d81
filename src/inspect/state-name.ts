/** The part of a seat's state that says what the seat is: `available`, `held.counting`, `held.expiring`, `booked`. */
export function stateName(value: unknown): string {
  const seat = (value as { seat?: unknown } | undefined)?.seat;
  if (typeof seat === 'string') return seat;
  return Object.entries((seat ?? {}) as Record<string, string>)
    .map(([parent, child]) => `${parent}.${child}`)
    .join();
}
