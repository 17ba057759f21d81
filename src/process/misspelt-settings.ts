import { distance } from 'fastest-levenshtein';

/** Shorter names are too close to variables of other programs. */
const minLetters = 5;
const lettersPerEdit = 6;

/** One warning for each variable whose name is close to one of `settings` without being one. Variables of other programs give none. */
export function misspeltSettings(env: NodeJS.ProcessEnv, settings: readonly string[]): string[] {
  const known = new Set(settings.flatMap((name) => [name, `${name}_FILE`]));
  return Object.keys(env).flatMap((name) => {
    const near = known.has(name) ? undefined : nearest(name.toUpperCase(), known);
    return near === undefined ? [] : [`${name} is not a setting and has no effect. Did you mean ${near}?`];
  });
}

function nearest(name: string, known: ReadonlySet<string>): string | undefined {
  const near = [...known].filter((setting) => isNear(name, setting));
  return near.sort((a, b) => distance(name, a) - distance(name, b))[0];
}

function isNear(name: string, setting: string): boolean {
  const edits = distance(name, setting);
  if (setting.length < minLetters || edits > setting.length / 2) return false;
  return edits <= Math.max(1, Math.floor(setting.length / lettersPerEdit)) || isTransposed(name, setting, edits);
}

/** Two letters in each other's place, as in HTTP_PROT, are two edits. */
const isTransposed = (name: string, setting: string, edits: number): boolean =>
  edits === 2 && lettersOf(name) === lettersOf(setting);

const lettersOf = (text: string): string => [...text].sort().join('');
