/** A setting from the environment. The bench sets all settings of a yardstick. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
