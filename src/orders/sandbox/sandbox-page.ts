import { priceFormat } from '../../shows/price-format.ts';
import { sandboxCards } from './sandbox-cards.ts';
import type { SandboxPayment } from './sandbox-store.ts';

interface SandboxPageOptions {
  /** The page of the shop that shows the order. */
  returnUrl: string;
  /** Unix ms. */
  nowMs: number;
}

/**
 * The pay page of the sandbox as HTML, for the state of the payment. Its form is refused without an Origin, which browsers
 * leave out under the referrer policy of the other pages.
 */
export function sandboxPage(payment: SandboxPayment, options: SandboxPageOptions): string {
  const amount = amountText(payment);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<meta name="robots" content="noindex">
<title>Pay ${amount} · Sandbox Pay</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/sandbox/pay.css">
</head>
<body>
<header><p><strong>Sandbox Pay</strong> <span>Test mode: no money moves</span></p></header>
<main>
<div class="sum">
<h1>Pay ${amount}</h1>
<p class="what">${escaped(payment.description)}</p>
</div>
${contentOf(payment, amount, options)}
</main>
</body>
</html>
`;
}

function contentOf(payment: SandboxPayment, amount: string, { returnUrl, nowMs }: SandboxPageOptions): string {
  const { state, failure = '', payUntilMs } = payment;
  const shop = escaped(returnUrl);
  const back = `<p><a class="button" href="${shop}">Back to the shop</a></p>`;
  switch (state) {
    case 'pending':
      return `<form method="post">
<label for="card">Card number</label>
<input id="card" name="card" inputmode="numeric" autocomplete="cc-number" required maxlength="24" placeholder="4242 4242 4242 4242" aria-describedby="until">
<button>Pay ${amount}</button>
<p id="until" class="note">${untilText(payUntilMs, nowMs)}</p>
</form>
<form method="post" class="cards" aria-labelledby="cards">
<h2 id="cards">Or pay with a test card</h2>
<ul>
${Object.entries(sandboxCards)
  .map(
    ([number, { meaning }]) =>
      `<li><button class="card" name="card" value="${number}"><span class="number">${grouped(number)}</span> <span>${meaning}</span></button></li>`,
  )
  .join('\n')}
</ul>
</form>
<p><a href="${shop}">Back to the shop without paying</a></p>`;
    case 'challenge':
      return `<form method="post">
<h2>Your bank asks: is it you?</h2>
<button name="step" value="approve">Yes, pay ${amount}</button>
<button class="second" name="step" value="refuse">No</button>
</form>`;
    case 'authorised':
    case 'captured':
      return `<p id="pay-result" class="result" role="status">Paid.</p>${back}`;
    case 'failed':
      return `<p id="pay-result" class="result" role="alert">${escaped(failure)}. Nothing was charged.</p>${back}`;
    case 'cancelled':
      return `<p id="pay-result" class="result" role="status">This payment has ended. Nothing was charged.</p>${back}`;
  }
}

/** The clock and the time zone of the payer are unknown. */
function untilText(payUntilMs: number, nowMs: number): string {
  const minutes = Math.floor((payUntilMs - nowMs) / 60_000);
  if (payUntilMs <= nowMs) return 'The time to pay is up.';
  const left = minutes < 1 ? 'Less than a minute' : minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return `${left} left to pay: until ${new Date(payUntilMs).toISOString().slice(11, 16)} UTC.`;
}

const grouped = (number: string): string => number.replace(/(\d{4})(?=\d)/g, '$1 ');

const amountText = ({ amountMinor, currency }: SandboxPayment): string =>
  escaped(priceFormat(currency, { locale: 'en' })(amountMinor));

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
