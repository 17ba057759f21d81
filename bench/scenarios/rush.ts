import { setTimeout as sleep } from 'node:timers/promises';
import { plannedSeats } from '../audit/venue-truth.ts';
import { CommandSender } from '../http/command-sender.ts';
import { openLoop } from '../http/open-loop.ts';
import { oneOf } from '../http/seat-command.ts';
import { latencyHistogram, percentileMs, recordMs } from '../measure/recorder.ts';
import { formatNumber } from '../report/format.ts';
import type { Findings, Scenario, ScenarioContext } from './scenario.ts';

const growth = 1.5;
const refinements = 3;
const maxSteps = 25;
/** The venue does not keep up if one of these is exceeded. */
const limits = { p99Ms: 100, inFlight: 2_000, leastAnsweredShare: 0.95 };
const thinkMs = { least: 100, most: 500 };
const recoverMs = 5_000;

export interface Step {
  offeredPerSecond: number;
  answeredPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  sendLateP99Ms: number;
  isSustained: boolean;
}

/** Users arrive at a growing rate, whether or not earlier requests are answered: which rate can the venue sustain? */
export const rush: Scenario = {
  name: 'rush',
  summary: 'users arrive at --rate per second, then 1.5 times as many, … until it saturates; --duration is of a step',
  defaults: { rows: 100, cols: 100, ratePerSecond: 500, durationS: 3 },
  async run(context) {
    const sender = new CommandSender(context.venue.apiUrls, context);
    const steps = await climb(context, sender);
    await sender.close();
    return rushFindings(steps);
  },
};

async function climb(context: ScenarioContext, sender: CommandSender): Promise<Step[]> {
  const steps: Step[] = [];
  const seats = plannedSeats(await context.auditor.truth.record()).map(({ id }) => id);
  const take = (ratePerSecond: number) => takeStep(context, sender, seats, ratePerSecond);
  let [sustained, tooMuch] = [0, Number.POSITIVE_INFINITY];
  let rate = context.settings.ratePerSecond;
  context.onProgress(0, 'warming up');
  await take(rate / 2);
  for (let refined = 0; steps.length < maxSteps && refined <= refinements && !context.signal.aborted; ) {
    context.onProgress(Math.min(0.99, steps.length / 12), `${Math.round(rate)} users per second`);
    let step = await take(rate);
    // A single failure may be caused by the machine.
    if (!step.isSustained && !context.signal.aborted) step = await take(rate);
    if (context.signal.aborted) break; // cut short: not a valid step
    steps.push(step);
    if (step.isSustained) sustained = Math.max(sustained, rate);
    else tooMuch = Math.min(tooMuch, rate);
    if (tooMuch === Number.POSITIVE_INFINITY) {
      rate *= growth;
    } else {
      rate = sustained === 0 ? tooMuch / growth : (sustained + tooMuch) / 2;
      refined++;
    }
    await recover(sender);
  }
  return steps.sort((a, b) => a.offeredPerSecond - b.offeredPerSecond);
}

/** Each user selects a random seat and, if it was free, releases it after a pause. */
async function takeStep(
  context: ScenarioContext,
  sender: CommandSender,
  seats: readonly string[],
  ratePerSecond: number,
): Promise<Step> {
  const { settings, newUserId } = context;
  const latency = latencyHistogram();
  const overrun = new AbortController();
  const startedAtMs = performance.now();
  let [arrived, answered] = [0, 0];
  const arrive = async (dueAtMs: number) => {
    arrived++;
    const request = { seatIds: [oneOf(seats)], userId: newUserId() };
    const answer = await sender.send({ action: 'select', ...request }, dueAtMs);
    recordMs(latency, performance.now() - dueAtMs);
    if (answer && answer.kind !== 'error') answered++;
    if (answer?.kind !== 'ok') return;
    await sleep(thinkMs.least + Math.random() * (thinkMs.most - thinkMs.least));
    await sender.send({ action: 'release', ...request }, performance.now());
  };
  const lateness = await openLoop({
    ratePerSecond,
    pattern: 'poisson',
    durationS: settings.durationS,
    signal: AbortSignal.any([context.signal, overrun.signal]),
    send: (dueAtMs) => {
      void arrive(dueAtMs);
      if (sender.inFlight > limits.inFlight) overrun.abort();
    },
  });
  const elapsedS = (performance.now() - startedAtMs) / 1000;
  const answeredInTime = answered;
  await recover(sender);
  const p99Ms = percentileMs(latency, 99);
  return {
    offeredPerSecond: arrived / elapsedS,
    answeredPerSecond: answeredInTime / elapsedS,
    p50Ms: percentileMs(latency, 50),
    p99Ms,
    sendLateP99Ms: percentileMs(lateness, 99),
    isSustained:
      !overrun.signal.aborted && p99Ms <= limits.p99Ms && answeredInTime >= arrived * limits.leastAnsweredShare,
  };
}

/** Open requests of one step must not slow down the next. */
async function recover(sender: CommandSender): Promise<void> {
  const deadlineMs = performance.now() + recoverMs;
  await sleep(thinkMs.most);
  while (sender.inFlight > 0 && performance.now() < deadlineMs) await sleep(10);
}

export function rushFindings(steps: Step[]): Findings {
  const sustained = steps.filter(({ isSustained }) => isSustained).at(-1);
  const points = (of: keyof Omit<Step, 'isSustained'>) =>
    steps.map((step): [number, number] => [step.offeredPerSecond, step[of]]);
  return {
    figures: {
      kneePerSecond: sustained?.offeredPerSecond ?? 0,
      kneeP99Ms: sustained?.p99Ms ?? 0,
      mostAnsweredPerSecond: Math.max(0, ...steps.map(({ answeredPerSecond }) => answeredPerSecond)),
    },
    tables: [
      {
        title: `Users per second (sustained: p99 within ${limits.p99Ms} ms, all answered)`,
        columns: ['offered', 'answered', 'p50 (ms)', 'p99 (ms)', 'sent late, p99 (ms)', 'sustained'],
        rows: steps.map((step) => [
          step.offeredPerSecond,
          step.answeredPerSecond,
          step.p50Ms,
          step.p99Ms,
          step.sendLateP99Ms,
          step.isSustained ? 'yes' : 'no',
        ]),
      },
    ],
    plots: [
      {
        title: 'Latency by arrival rate, from the arrival of the user',
        xLabel: 'users per second',
        yLabel: 'ms',
        isLogY: true,
        series: [
          { name: 'p50', points: points('p50Ms') },
          { name: 'p99', points: points('p99Ms') },
        ],
        markers: [
          { axis: 'y', value: limits.p99Ms, label: `limit: p99 ${limits.p99Ms} ms` },
          ...(sustained
            ? [
                {
                  axis: 'x' as const,
                  value: sustained.offeredPerSecond,
                  label: `knee: ${formatNumber(Math.round(sustained.offeredPerSecond))}/s`,
                },
              ]
            : []),
        ],
      },
    ],
  };
}
