import { readFileSync, writeFileSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { errorOf } from '../src/process/error-facts.ts';
import { CannotAuditError } from './audit/venue-truth.ts';
import { commandLine, type LoadOptions, readOptions, UsageError, usage } from './options.ts';
import { renderHtml } from './report/html.ts';
import { describeMachine } from './report/machine.ts';
import { parseReport, type Report, UnreadableReportError } from './report/report.ts';
import { renderTerminal } from './report/terminal.ts';
import { checkThresholds, ThresholdError } from './report/threshold.ts';
import { runScenario } from './run-scenario.ts';
import type { LoadSettings } from './scenarios/scenario.ts';
import { givenVenue } from './venue/given-venue.ts';
import { startOwnVenue } from './venue/own-venue.ts';

const exitCodes = { ok: 0, failed: 1, violation: 2, thresholdMissed: 3 } as const;

const generalSettings: LoadSettings = {
  isBest: false,
  protocol: 'v1',
  connections: 100,
  durationS: 10,
  ratePerSecond: 100,
  seats: 1,
  rows: 10,
  cols: 10,
  holdSeconds: 2,
  bookings: 1,
  edges: 2,
};

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2));
    if (!options) {
      process.stdout.write(`${usage()}\n`);
      return exitCodes.ok;
    }
    return publish(await load(options), options);
  } catch (error) {
    process.stderr.write(`${describeFailure(errorOf(error))}\n`);
    return exitCodes.failed;
  }
}

function describeFailure(error: Error): string {
  if (error instanceof UsageError || error instanceof ThresholdError) return `${error.message}\n\n${usage()}`;
  if (error instanceof UnreadableReportError) return error.message;
  return error instanceof CannotAuditError ? `COULD NOT AUDIT: ${error.message}` : (error.stack ?? String(error));
}

async function load(options: LoadOptions): Promise<Report> {
  const { scenario } = options;
  const settings = { ...generalSettings, ...scenario.defaults, ...options.settings };
  const { url, edgeUrls, redisUrl, databaseUrl } = options;
  const stopping = new AbortController();
  const interrupt = () => {
    if (stopping.signal.aborted) process.exit(exitCodes.failed); // pressed twice
    stopping.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const machine = describeMachine();
  const bar = progressBar(scenario.name);
  const venue =
    url === undefined
      ? await startOwnVenue({ ...settings, sellsByOrders: scenario.sellsByOrders ?? false })
      : await givenVenue({ url, edgeUrls, redisUrl, databaseUrl, show: settings.show });
  try {
    return await runScenario({
      scenario,
      settings,
      venue,
      url,
      machine,
      commandLine: commandLine(process.argv.slice(2)),
      signal: stopping.signal,
      onProgress: bar.show,
    });
  } finally {
    bar.end();
    await venue.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Prints and writes the report. Returns the exit code. */
function publish(report: Report, { thresholds, compareFile, jsonFile, htmlFile }: LoadOptions): number {
  report.thresholds = checkThresholds(thresholds, report.figures);
  const base = compareFile === undefined ? undefined : parseReport(readFileSync(compareFile, 'utf8'));
  process.stdout.write(renderTerminal(report, base, process.stdout.isTTY && process.stdout.hasColors()));
  if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(report, null, 1)}\n`);
  if (htmlFile !== undefined) writeFileSync(htmlFile, renderHtml(report, base));
  if (report.verdict.checks.some(({ broken }) => broken > 0)) return exitCodes.violation;
  if (report.verdict.notAudited !== undefined) return exitCodes.failed;
  return report.thresholds.some(({ isMet }) => !isMet) ? exitCodes.thresholdMissed : exitCodes.ok;
}

function progressBar(name: string) {
  const bar = new SingleBar({ format: `${name} {bar} {percentage}% {doing}`, clearOnComplete: true, hideCursor: true });
  bar.start(100, 0, { doing: 'starting' });
  return {
    show: (done: number, doing = '') => bar.update(Math.round(done * 100), { doing }),
    end: () => bar.stop(),
  };
}
