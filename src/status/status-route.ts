import { createHash } from 'node:crypto';
import { escapeHtml } from '../browser/show-html.ts';
import type { HttpApp } from '../http/http-app.ts';
import { contentSecurityPolicy } from '../http/security-headers.ts';
import { refuseProxied } from './problems-route.ts';
import { type ProcessStatus, ProcessStatuses } from './process-status.ts';

const refreshSeconds = 5;
const maxProblems = 30;
const style = `body{font:16px/1.4 system-ui,sans-serif;margin:1.5rem;color-scheme:light dark}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #8886}
th:first-child,td:first-child,.text td{text-align:left}.ok{color:#0a7d32}.bad{color:#c62828;font-weight:700}
@media(prefers-color-scheme:dark){.ok{color:#66d48f}.bad{color:#ff8a80}}`;
const styleHash = createHash('sha256').update(style).digest('base64');
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy({ 'style-src': [`'sha256-${styleHash}'`] }),
};

/** `GET /status`: all processes on one page, which loads no other files and refreshes itself. Not through a proxy. */
export function registerStatusRoute(app: HttpApp, urls: readonly string[]): void {
  const statuses = new ProcessStatuses(urls);
  app.get('/status', { schema: { hide: true } }, async (request, reply) => {
    refuseProxied(request);
    return reply
      .headers(headers)
      .type('text/html; charset=utf-8')
      .send(statusPage(await statuses.look(), Date.now()));
  });
}

/** The page of these processes. */
function statusPage(processes: readonly ProcessStatus[], nowMs: number): string {
  const names = [...new Set(processes.flatMap(({ figures }) => Object.keys(figures)))];
  const rows = processes.map(({ address, state, startedAtMs, figures }) => {
    const isBad = (name: string) =>
      ['failed/s', 'withheld'].includes(name) && figures[name] !== undefined && !['', '0'].includes(figures[name]);
    const cells = names.map((name) => cell(figures[name] ?? '', isBad(name) ? 'bad' : ''));
    const age = startedAtMs === undefined ? '' : ageOf(nowMs - startedAtMs);
    return `<tr>${[cell(address), cell(state, state === 'ready' ? 'ok' : 'bad'), cell(age), ...cells].join('')}</tr>`;
  });
  const problems = processes
    .flatMap(({ address, problems: own }) => own.map((problem) => ({ address, ...problem })))
    .sort((a, b) => b.time.localeCompare(a.time))
    .slice(0, maxProblems)
    .map(
      ({ time, address, level, msg }) => `<tr>${[time, address, level, msg].map((text) => cell(text)).join('')}</tr>`,
    );
  const down = processes.filter(({ state }) => state !== 'ready').length;
  const verdict = down === 0 ? 'All processes are ready' : `${down} of ${processes.length} processes are not ready`;
  const head = ['process', 'state', 'up for', ...names].map((name) => `<th scope="col">${escapeHtml(name)}</th>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${refreshSeconds}"><title>${verdict}</title><style>${style}</style>
<h1 class="${down === 0 ? 'ok' : 'bad'}">${verdict}</h1>
<table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>
<h2>Last problems in the logs</h2>
${problems.length === 0 ? '<p>None since the processes were started.</p>' : `<table class="text"><tbody>${problems.join('')}</tbody></table>`}
<p>${new Date(nowMs).toISOString()}; renewed every ${refreshSeconds} s. Rates are those since the look before.</p></html>`;
}

const cell = (text: string, kind = ''): string => `<td${kind && ` class="${kind}"`}>${escapeHtml(text)}</td>`;

/** `3 d 4 h`, `12 min`, `8 s`. */
function ageOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1_000))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
