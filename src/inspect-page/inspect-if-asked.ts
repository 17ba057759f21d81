import type { AnyActor } from 'xstate';

/** Not known to the bundler: a page that is not inspected loads nothing of it. */
const tabModule = './inspect-tab.js';

/** With `?inspect` in its address, a page shows its machine at /inspect/live of the same browser. */
export function inspectIfAsked(actor: AnyActor): void {
  if (!new URLSearchParams(globalThis.location?.search).has('inspect')) return;
  void import(tabModule).then(({ inspectTab }: typeof import('./inspect-tab.ts')) => inspectTab(actor));
}
