import type { Packages } from './install-missing.ts';

/** A browser window of one user, as far as the scenario needs it. */
export interface Tab {
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** Like a user's click: at the middle of the element that the selector finds. */
  click(selector: string): Promise<void>;
  press(key: Key): Promise<void>;
  /** The size of the page's area in CSS pixels, a scrollbar included. */
  resize(width: number, height: number): Promise<void>;
  /** The value of a JavaScript expression in the page. */
  evaluate<T>(expression: string): Promise<T>;
}

type Key = 'Tab' | 'Enter' | 'Space' | 'Escape' | 'ArrowDown' | 'ArrowRight';

export interface RunningBrowser {
  readonly version: string;
  /** With storage of its own. */
  openTab(): Promise<Tab>;
  close(): Promise<void>;
}

/** A browser that the page supports. */
export interface SupportedBrowser {
  name: string;
  packages: Packages;
  launch(): Promise<RunningBrowser>;
}
