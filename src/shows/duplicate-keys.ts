import type { Path, Problem } from './problem.ts';

const tokens = /"(?:[^"\\]+|\\.)*"|[{}[\],:]/g;

interface Frame {
  /** undefined: it is a list. */
  keys: Set<string> | undefined;
  /** The position of the scan in it: a key, or an index. */
  step: string | number;
}

/** The keys that are more than once in an object of valid JSON: `JSON.parse` keeps the last one only. */
export function duplicateKeys(json: string): Problem[] {
  const problems: Problem[] = [];
  const frames: Frame[] = [];
  let latest = '';
  for (const [token] of json.matchAll(tokens)) {
    const frame = frames.at(-1);
    if (token === '{') frames.push({ keys: new Set(), step: '' });
    else if (token === '[') frames.push({ keys: undefined, step: 0 });
    else if (token === '}' || token === ']') frames.pop();
    else if (token === ',' && typeof frame?.step === 'number') frame.step++;
    else if (token === ':' && frame?.keys) {
      frame.step = String(JSON.parse(latest));
      if (frame.keys.has(frame.step)) {
        const at: Path = frames.map(({ step }) => step);
        problems.push({ at, found: 'is there more than once', must: 'must be there once' });
      }
      frame.keys.add(frame.step);
    }
    latest = token;
  }
  return problems;
}
