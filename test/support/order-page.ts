import jsQr from 'jsqr';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { textOf } from './browser.ts';

export const cards = {
  approved: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  challenge: '4000 0027 6000 3184',
  neverSent: '4000 0000 0000 0341',
} as const;

/** Of the page of an order. */
export const titleOf = (page: Page) => textOf(page, 'order-title');

/** From the page of a show, with its best seats held, to the page of the order. */
export async function checkOutBest(page: Page, count: number): Promise<void> {
  await page.locator(`#best-${count}`).click();
  await expect.poll(() => page.locator('#hold-list li').count()).toBe(count);
  await checkOut(page);
}

export async function checkOut(page: Page): Promise<void> {
  await page.locator('#book-btn').click();
  await page.waitForURL('**/orders/*');
  await page.locator('#pay-link:visible').waitFor();
}

/** From the page of an order to the pay page. */
export async function goToPayPage(page: Page): Promise<void> {
  await page.locator('#pay-link:visible').or(page.locator('#pay-btn:visible')).click();
  await page.waitForURL('**/sandbox/*');
}

/** On the pay page. */
export async function payWith(page: Page, card: string): Promise<void> {
  await page.getByLabel('Card number').fill(card);
  await page.getByRole('button', { name: /^Pay/ }).click();
}

/** The texts of all QR codes that the page draws. */
export async function readQrCodes(browser: Browser, page: Page): Promise<(string | undefined)[]> {
  const canvas = await browser.newPage();
  try {
    const texts: (string | undefined)[] = [];
    for (const code of await page.locator('.qr').all()) {
      const png = (await code.screenshot()).toString('base64');
      const { width, height, pixels } = await canvas.evaluate(pixelsOf, `data:image/png;base64,${png}`);
      texts.push(jsQr(Uint8ClampedArray.from(pixels), width, height)?.data);
    }
    return texts;
  } finally {
    await canvas.close();
  }
}

/** Runs in the browser. */
async function pixelsOf(url: string) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context?.drawImage(image, 0, 0);
  return { width, height, pixels: [...(context?.getImageData(0, 0, width, height).data ?? [])] };
}
