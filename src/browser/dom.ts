/** The element that index.html promises under this id. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/**
 * Text browsers show hidden elements too. So what only the script can use comes in data blocks, and is put in their places here.
 */
export function unpackDataBlocks(): void {
  for (const block of document.querySelectorAll('script[type="text/html"]')) block.outerHTML = block.innerHTML;
}

/** Writes only what differs: an unchanged write would still cost layout, and be read aloud again. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: HTMLElement, name: string, value: string | undefined): void {
  if (value === undefined) target.removeAttribute(name);
  else if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** For buttons: `disabled` would throw the keyboard focus away. What they do has to refuse by itself. */
export function setDisabled(target: HTMLElement, isDisabled: boolean): void {
  setAttribute(target, 'aria-disabled', isDisabled ? 'true' : undefined);
}

/** How much of the time is left, 1 to 0, for the styles to draw. */
export function setFractionLeft(target: HTMLElement, remainingMs: number, holdMs: number): void {
  const fraction = Math.min(1, Math.max(0, remainingMs / holdMs));
  target.style.setProperty('--fraction-left', fraction.toFixed(3));
}
