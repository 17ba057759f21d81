/** From the environment, as every process here is set: a yardstick runs only where the bench has set all. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
