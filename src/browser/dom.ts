/** The element of index.html with this id. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/** Replaces data blocks by their elements. Elements that need the script are in data blocks, since text browsers show hidden elements. */
export function unpackDataBlocks(): void {
  for (const block of document.querySelectorAll('script[type="text/html"]')) block.outerHTML = block.innerHTML;
}

/** Writes only a changed text: an unchanged one would still cost a layout, and be announced again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element, name: string, value: string | undefined): void {
  if (value === undefined) target.removeAttribute(name);
  else if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** For buttons: `disabled` would lose the keyboard focus. Their handlers must check whether they may act. */
export function setDisabled(target: HTMLElement, isDisabled: boolean): void {
  setAttribute(target, 'aria-disabled', isDisabled ? 'true' : undefined);
}

/** Passes the remaining part of the time, from 1 to 0, to the styles. */
export function setFractionLeft(target: HTMLElement, remainingMs: number, holdMs: number): void {
  const fraction = Math.min(1, Math.max(0, remainingMs / holdMs));
  target.style.setProperty('--fraction-left', fraction.toFixed(3));
}

export const isArrow = (key: string): boolean => key.startsWith('Arrow');
