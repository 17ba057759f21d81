/** An element with a class and its content. */
export function html<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** Hours to milliseconds, in the time zone of the browser. */
export function clockTime(atMs: number): string {
  const at = new Date(atMs);
  const time = at.toLocaleTimeString('en-GB', { hour12: false });
  return `${time}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
