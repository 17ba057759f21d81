/** The styles of the sandbox's pay page. It looks unlike the shop on purpose. */
export const sandboxStyles = `:root {
  color-scheme: light dark;
  --page: #f2f4f7; --paper: #fff; --ink: #1b1f24; --quiet: #4a5360; --line: #c9d0d9; --edge: #6b7684;
  --pay: #14652f; --on-pay: #fff; --link: #14507d; --tint: #eef2f6; --bad: #7a1010; --bad-tint: #fdeaea; --good-tint: #e5f4ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --paper: #1c2229; --ink: #eef1f5; --quiet: #aab4c0; --line: #39434f; --edge: #8a95a3;
    --pay: #5fd38d; --on-pay: #08210f; --link: #86bdf0; --tint: #262e37; --bad: #ffb4ad; --bad-tint: #3f1b1b; --good-tint: #173322;
  }
}
* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
header { padding: 0.75rem 1rem; color: #fff; background: #24405f; }
header p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; max-width: 52rem; margin: 0 auto; }
header span { font-size: 0.875rem; }
main { display: grid; gap: 1.25rem; max-width: 26rem; margin: 0 auto; padding: 1.25rem; background: var(--paper); }
.sum { padding-bottom: 1rem; border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 0 0 0.5rem; font-size: 1rem; }
p { margin: 0; }
.what, .note { color: var(--quiet); overflow-wrap: anywhere; }
.note { font-size: 0.875rem; }
form { display: grid; gap: 0.75rem; align-content: start; }
form.cards { gap: 0; }
label { font-weight: 600; }
input { width: 100%; min-height: 3rem; padding: 0.5rem 0.75rem; font: inherit; font-variant-numeric: tabular-nums; color: inherit; background: var(--paper); border: 1px solid var(--edge); border-radius: 0.375rem; }
input::placeholder { color: var(--quiet); opacity: 1; }
button, .button { display: block; width: 100%; min-height: 3rem; padding: 0.75rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; color: var(--on-pay); background: var(--pay); border: 0; border-radius: 0.375rem; cursor: pointer; }
.second { color: var(--ink); background: var(--tint); }
ul { display: grid; gap: 0.375rem; margin: 0; padding: 0; list-style: none; }
.card { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 0.75rem; min-height: 2.5rem; padding: 0.5rem 0.75rem; font-weight: 400; font-size: 0.875rem; text-align: left; color: var(--ink); background: var(--tint); }
.number { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
a { color: var(--link); }
a.button { color: var(--on-pay); }
:focus-visible { outline: 3px solid #e08600; outline-offset: 2px; }
.result { padding: 0.75rem; background: var(--good-tint); border-radius: 0.375rem; }
.result[role='alert'] { color: var(--bad); background: var(--bad-tint); }
@media (min-width: 30rem) {
  main { margin: 2rem auto; padding: 1.75rem; border-radius: 0.75rem; }
}
@media (min-width: 52rem) {
  main:has(.cards) { grid-template-columns: minmax(0, 1fr) minmax(0, 1.1fr); gap: 1.25rem 2.5rem; max-width: 52rem; }
  main:has(.cards) .sum { grid-column: 1 / -1; }
}
@media (hover: hover) {
  .card:hover { outline: 2px solid var(--edge); }
}
`;
