import { priceFormat } from '../../shows/price-format.ts';
import { sandboxCards } from './sandbox-cards.ts';
import type { SandboxPayment } from './sandbox-store.ts';

/** The pay page of the sandbox as HTML, for the state of the payment. */
export function sandboxPage(payment: SandboxPayment, returnUrl: string): string {
  const amount = amountText(payment);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pay ${amount}</title>
<link rel="stylesheet" href="/sandbox/pay.css">
</head>
<body>
<header><strong>Sandbox Pay</strong> <span>Test mode: no money moves</span></header>
<main>
<h1>${amount}</h1>
<p class="what">${escaped(payment.description)}</p>
${formOf(payment, amount, escaped(returnUrl))}
</main>
</body>
</html>
`;
}

function formOf({ state, failure = '', payUntilMs }: SandboxPayment, amount: string, returnUrl: string): string {
  const back = `<p><a class="button" href="${returnUrl}">Back to the shop</a></p>`;
  switch (state) {
    case 'pending':
      return `<form method="post">
<label for="card">Card number</label>
<input id="card" name="card" inputmode="numeric" autocomplete="cc-number" required maxlength="24" placeholder="4242 4242 4242 4242" aria-describedby="until">
<p id="until">Pay by ${new Date(payUntilMs).toISOString().slice(11, 16)} UTC.</p>
<button>Pay ${amount}</button>
</form>
<p><a href="${returnUrl}">Back to the shop without paying</a></p>
<details><summary>Test cards</summary>
<table><caption>The number decides</caption><tbody>
${Object.entries(sandboxCards)
  .map(([number, { meaning }]) => `<tr><td><code>${number}</code></td><td>${meaning}</td></tr>`)
  .join('\n')}
</tbody></table></details>`;
    case 'challenge':
      return `<form method="post">
<h2>Your bank asks: is it you?</h2>
<button name="step" value="approve">Yes, pay ${amount}</button>
<button class="second" name="step" value="refuse">No</button>
</form>`;
    case 'authorised':
    case 'captured':
      return `<p role="status">Paid.</p>${back}`;
    case 'failed':
      return `<p role="alert">${escaped(failure)}. Nothing was charged.</p>${back}`;
    case 'cancelled':
      return `<p role="status">This payment has ended. Nothing was charged.</p>${back}`;
  }
}

const amountText = ({ amountMinor, currency }: SandboxPayment): string =>
  escaped(priceFormat(currency, { locale: 'en' })(amountMinor));

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export const sandboxStyles = `* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 system-ui, sans-serif; color: #1b1f24; background: #f2f4f7; }
header { padding: 0.75rem 1rem; color: #fff; background: #24405f; }
header span { margin-left: 0.5rem; font-size: 0.875rem; }
main { max-width: 26rem; margin: 1.5rem auto; padding: 1.25rem; background: #fff; border-radius: 0.5rem; }
h1 { margin: 0; font-size: 2rem; }
h2 { font-size: 1.125rem; }
.what { margin: 0 0 1rem; color: #4a5360; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; }
input { width: 100%; padding: 0.75rem; font: inherit; font-variant-numeric: tabular-nums; border: 1px solid #6b7684; border-radius: 0.375rem; }
button, .button { display: block; width: 100%; margin: 0.75rem 0; padding: 0.875rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; color: #fff; background: #14652f; border: 0; border-radius: 0.375rem; cursor: pointer; }
.second { color: #1b1f24; background: #dde2e8; }
a { color: #14507d; }
.button { color: #fff; }
:focus-visible { outline: 3px solid #e08600; outline-offset: 2px; }
[role='alert'] { padding: 0.75rem; color: #7a1010; background: #fdeaea; border-radius: 0.375rem; }
table { width: 100%; font-size: 0.875rem; border-collapse: collapse; }
caption { text-align: left; }
td { padding: 0.25rem 0.5rem 0.25rem 0; vertical-align: top; }
`;
