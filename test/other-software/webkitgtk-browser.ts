import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Builder, By, Capabilities, Key as DriverKey, type WebDriver } from 'selenium-webdriver';
import { httpAnswers } from '../../src/launch/probes.ts';
import { freePort } from '../support/servers.ts';
import type { Key, RunningBrowser, SupportedBrowser, Tab } from './tab.ts';

const driverProgram = '/usr/bin/WebKitWebDriver';
const displayProgram = '/usr/bin/Xvfb';

const keys: Record<Key, string> = {
  Tab: DriverKey.TAB,
  Enter: DriverKey.ENTER,
  Space: DriverKey.SPACE,
  Escape: DriverKey.ESCAPE,
  ArrowDown: DriverKey.ARROW_DOWN,
  ArrowRight: DriverKey.ARROW_RIGHT,
};

/** The engine of GNOME Web, in its own small browser, which needs a display. */
export const webKitGtkBrowser: SupportedBrowser = {
  name: 'WebKitGTK',
  packages: { 'webkit2gtk-driver': driverProgram, xvfb: displayProgram },
  launch,
};

async function launch(): Promise<RunningBrowser> {
  const display = spawn(displayProgram, ['-displayfd', '3', '-screen', '0', '1400x1200x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const drivers: WebDriver[] = [];
  const servers: ChildProcess[] = [display];
  const [number] = (await once(display.stdio[3] as NodeJS.ReadableStream, 'data')) as [Buffer];
  const env = { ...process.env, DISPLAY: `:${String(number).trim()}`, GTK_OVERLAY_SCROLLING: '0', NO_AT_BRIDGE: '1' };

  /** A driver has one session at a time, so each user gets a driver. */
  async function startSession(): Promise<WebDriver> {
    const port = await freePort();
    const server = spawn(driverProgram, [`--port=${port}`], { env, stdio: 'ignore' });
    servers.push(server);
    const url = `http://127.0.0.1:${port}`;
    await answering(`${url}/status`);
    const capabilities = new Capabilities({
      browserName: 'MiniBrowser',
      'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] },
    });
    const driver = await new Builder().usingServer(url).withCapabilities(capabilities).build();
    drivers.push(driver);
    return driver;
  }

  const first = await startSession();
  const version = (await first.getCapabilities()).getBrowserVersion() ?? '';
  let unused: WebDriver | undefined = first;
  return {
    version,
    async openTab() {
      const driver = unused ?? (await startSession());
      unused = undefined;
      return tabOf(driver);
    },
    async close() {
      for (const driver of drivers) await driver.quit();
      for (const server of servers.reverse()) server.kill();
    },
  };
}

function miniBrowser(): string {
  const folder = '/usr/lib';
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((path) =>
    /webkit2gtk-4[^/]*\/MiniBrowser$/.test(path),
  );
  if (!found) throw new Error(`There is no MiniBrowser below ${folder}`);
  return `${folder}/${found}`;
}

async function answering(url: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return void (await httpAnswers(url));
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function tabOf(driver: WebDriver): Tab {
  const evaluate = <T>(expression: string) => driver.executeScript<T>(`return (${expression})`);
  return {
    goto: (url) => driver.get(url),
    reload: () => driver.navigate().refresh(),
    click: (selector) => driver.findElement(By.css(selector)).click(),
    press: (key) => driver.actions().sendKeys(keys[key]).perform(),
    async resize(width, height) {
      const window = driver.manage().window();
      const [innerWidth, innerHeight] = await evaluate<[number, number]>('[innerWidth, innerHeight]');
      const outer = await window.getRect();
      await window.setRect({ width: outer.width + width - innerWidth, height: outer.height + height - innerHeight });
    },
    evaluate,
  };
}
