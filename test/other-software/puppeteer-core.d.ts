/** The used part of the package. Only `npm run browsers` installs it, because its dependencies are large. */
declare module 'puppeteer-core' {
  interface LaunchOptions {
    browser: 'chrome' | 'firefox';
    executablePath: string;
    args?: string[];
    ignoreDefaultArgs?: string[];
    extraPrefsFirefox?: Record<string, unknown>;
  }
  interface Page {
    goto(url: string): Promise<unknown>;
    reload(): Promise<unknown>;
    bringToFront(): Promise<void>;
    click(selector: string): Promise<void>;
    keyboard: { press(key: string): Promise<void> };
    setViewport(size: { width: number; height: number }): Promise<void>;
    evaluate(expression: string): Promise<unknown>;
  }
  interface Browser {
    version(): Promise<string>;
    createBrowserContext(): Promise<{ newPage(): Promise<Page> }>;
    close(): Promise<void>;
  }
  export function launch(options: LaunchOptions): Promise<Browser>;
}
