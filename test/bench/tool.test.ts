import { describe, expect, it } from 'vitest';
import { ClientLog } from '../../bench/audit/client-log.ts';
import { Reader } from '../../bench/clients/reader.ts';
import { arrivals } from '../../bench/http/arrivals.ts';
import { closedLoop } from '../../bench/http/closed-loop.ts';
import { openLoop } from '../../bench/http/open-loop.ts';
import { toHttp } from '../../bench/http/seat-command.ts';
import { parseMetrics } from '../../bench/measure/process-monitor.ts';
import { percentileMs, Recorder } from '../../bench/measure/recorder.ts';
import { readOptions, UsageError } from '../../bench/options.ts';
import { renderTerminal } from '../../bench/report/terminal.ts';
import { checkThresholds, parseThreshold, ThresholdError } from '../../bench/report/threshold.ts';
import { wavesFindings } from '../../bench/scenarios/best-waves.ts';
import { FrameReader, maskedFrame } from '../../bench/sockets/frame-reader.ts';
import { kindAt, kinds, positionAfter, seqIn } from '../../bench/sockets/message-scan.ts';
import { showUnderLoad } from '../../bench/venue/show-under-load.ts';
import { messageFrame } from '../../src/edge/frame.ts';
import { report } from './report-fixture.ts';

const take = (from: Generator<number, never>, count: number) => Array.from({ length: count }, () => from.next().value);

describe('open loop', () => {
  it('[R200] even arrivals are equally far apart, and do not drift', () => {
    expect(take(arrivals(250, 'even'), 5)).toEqual([0, 4, 8, 12, 16]);
    expect(take(arrivals(300, 'even'), 30_001).at(-1)).toBeCloseTo(100_000, 6);
  });

  it('[R200] poisson arrivals have the given rate and gaps of every length', () => {
    let state = 1;
    const random = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const times = take(arrivals(1_000, 'poisson', random), 20_000);
    const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
    expect((times.at(-1) as number) / times.length).toBeCloseTo(1, 1);
    expect(gaps.every((gap) => gap >= 0)).toBe(true);
    // Of an exponential distribution 1/e are longer than the mean.
    expect(gaps.filter((gap) => gap > 1).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  });

  it('[R201] sends all due requests although none gets a reply, each with its due time', async () => {
    const due: number[] = [];
    const lateness = await openLoop({
      ratePerSecond: 100,
      pattern: 'even',
      durationS: 0.3,
      signal: new AbortController().signal,
      send(dueAtMs) {
        due.push(dueAtMs);
        // The event loop blocks once: requests due meanwhile are sent late, and count from their due time.
        if (due.length === 5) for (const untilMs = performance.now() + 60; performance.now() < untilMs; );
      },
    });
    expect(due).toHaveLength(30);
    const start = due[0] as number;
    due.forEach((dueAtMs, index) => {
      expect(dueAtMs - start).toBeCloseTo(index * 10, 6);
    });
    expect(percentileMs(lateness, 100)).toBeGreaterThan(30);
  });

  it('[R201] ends when requested', async () => {
    const stopping = new AbortController();
    let sent = 0;
    const send = () => {
      sent++;
      if (sent === 3) stopping.abort();
    };
    await openLoop({ ratePerSecond: 1_000, pattern: 'even', durationS: 60, signal: stopping.signal, send });
    expect(sent).toBe(3);
  });
});

describe('closed loop', () => {
  it('[R218] sends nothing after Ctrl-C', async () => {
    const converse = () => expect.fail('it must not connect');
    const urls = ['http://127.0.0.1:1'];
    await closedLoop({ urls, connections: 1, durationS: 600, converse, signal: AbortSignal.abort() });
  });
});

describe('figures', () => {
  it('[R202] percentiles of all kinds together are those of the kinds merged', () => {
    const recorder = new Recorder();
    for (let ms = 1; ms <= 100; ms++) recorder.record(ms % 2 === 0 ? 'select' : 'book', ms > 90 ? 'refused' : 'ok', ms);
    expect(percentileMs(recorder.latency, 50)).toBeCloseTo(50, 0);
    expect(percentileMs(recorder.latency, 99)).toBeCloseTo(99, 0);
    const [select, book] = [recorder.byKind.get('select'), recorder.byKind.get('book')];
    if (!select || !book) throw new Error('not recorded');
    select.add(book);
    for (const percentile of [1, 50, 90, 99, 100]) {
      expect(select.getValueAtPercentile(percentile)).toBe(recorder.latency.getValueAtPercentile(percentile));
    }
    expect(recorder.totals).toEqual({ ok: 90, refused: 10, error: 0 });
  });

  it('[R202] a latency above a minute counts as a minute, and is not lost', () => {
    const recorder = new Recorder();
    recorder.record('read', 'ok', 90_000);
    expect(recorder.latency.totalCount).toBe(1);
    expect(percentileMs(recorder.latency, 100) / 60_000).toBeCloseTo(1, 2);
  });

  it('[R203] metrics are read by name, labels added up', () => {
    const text = '# HELP a b\nedge_a_total 3\nedge_b_total{reason="slow"} 2\nedge_b_total{reason="flood"} 5\nx NaN\n';
    expect([...parseMetrics(text)]).toEqual([
      ['edge_a_total', 3],
      ['edge_b_total', 7],
      ['x', Number.NaN],
    ]);
  });
});

describe('thresholds', () => {
  const figures = { p99Ms: 20, perSecond: 1_000, missed: 0 };

  it('[R204] hold or are missed, by each comparison', () => {
    const held = ['p99<=20', 'p99Ms < 20.5', 'perSecond>=1000', 'perSecond > 999', 'missed<1'];
    const missed = ['p99<20', 'p99Ms>=20.5', 'perSecond>1000', 'missed>0'];
    const areMet = (texts: string[]) => checkThresholds(texts.map(parseThreshold), figures).map(({ isMet }) => isMet);
    expect(areMet(held)).toEqual(held.map(() => true));
    expect(areMet(missed)).toEqual(missed.map(() => false));
  });

  it('[R204] a threshold that cannot be read, or on an unknown figure, is an error', () => {
    for (const text of ['p99', 'p99=20', '<20', 'p99<', 'p99<a', 'p99<20<30']) {
      expect(() => parseThreshold(text)).toThrow(ThresholdError);
    }
    expect(() => checkThresholds([parseThreshold('p98<20')], figures)).toThrow(ThresholdError);
  });

  it('[R205] wrong options are refused, and help is not an error', () => {
    for (const args of [
      [],
      ['walk'],
      ['read', 'contend'],
      ['read', '--connections', '0'],
      ['read', '--colour', 'red'],
    ]) {
      expect(() => readOptions(args)).toThrow(UsageError);
    }
    expect(readOptions(['--help'])).toBeUndefined();
    const options = readOptions(['contend', '--connections', '7', '--duration', '0.5', '--threshold', 'p99<20']);
    expect(options).toMatchObject({ scenario: { name: 'contend' }, settings: { connections: 7, durationS: 0.5 } });
    expect(options?.thresholds[0]?.figure).toBe('p99Ms');
  });
});

describe('shows', () => {
  it('[R583] --show and --best are read, and refused in scenarios without them', () => {
    expect(readOptions(['journey'])?.settings).not.toHaveProperty('show');
    expect(readOptions(['fanout', '--show', 'arena'])?.settings).toEqual({ show: 'arena' });
    const best = readOptions(['groups', '--show', 'arena', '--best', '--connections', '50']);
    expect(best?.settings).toEqual({ show: 'arena', isBest: true, connections: 50, holdSeconds: 30 });
    expect(best?.thresholds.map(({ text }) => text)).toEqual(['seatedAtFirstReplyPercent>=95']);
    expect(readOptions(['groups'])?.thresholds).toEqual([]);
    for (const args of [
      ['journey', '--best'],
      ['groups', '--show', 'Arena!'],
    ]) {
      expect(() => readOptions(args)).toThrow(UsageError);
    }
  });

  it('[R583] a show has routes and keys with its name, the default show has plain ones', () => {
    const userId = 'ann';
    const pathsOf = (show: ReturnType<typeof showUnderLoad>) => [
      toHttp({ action: 'select', seatIds: ['A1'], userId }, show).path,
      toHttp({ action: 'select', seatIds: ['A1', 'A2'], userId }, show).path,
      toHttp({ action: 'extend', seatIds: ['A1'], userId }, show).path,
      new Reader({ recorder: new Recorder(), log: new ClientLog(), show, newUserId: () => userId }).first.path,
      show.keyPrefix,
    ];
    const holds = '/api/shows/main/holds';
    expect(pathsOf(showUnderLoad())).toEqual(['/api/seats/select', holds, `${holds}/extend`, '/api/seats', '']);
    const named = '/api/shows/arena';
    expect(pathsOf(showUnderLoad('arena'))).toEqual([
      `${named}/seats/select`,
      `${named}/holds`,
      `${named}/holds/extend`,
      `${named}/seats`,
      '{arena}:',
    ]);
    expect(showUnderLoad('festival', 'festival').apiPath).toBe('/api');
    expect(showUnderLoad('main', 'festival').apiPath).toBe('/api/shows/main');
  });

  it('[R583] the report names the show', () => {
    const settings = { ...report.settings, show: 'arena' };
    const text = renderTerminal({ ...report, settings }, undefined, false);
    expect(text).toContain('1 booking, 2 edges, show arena;');
    expect(renderTerminal(report, undefined, false)).toContain('2 edges, 10×10 seats;');
  });

  it('[R585] the share of users with seats at the first reply is that of all waves, and of the worst', () => {
    const { figures } = wavesFindings([500, 450, 490], 500);
    expect(figures).toEqual({
      seatedAtFirstReplyPercent: 96,
      seatedInWorstWavePercent: 90,
      waves: 3,
      users: 1_500,
    });
    const [threshold] = readOptions(['groups', '--best'])?.thresholds ?? [];
    expect([threshold?.holds(94.9), threshold?.holds(95)]).toEqual([false, true]);
  });
});

describe('sockets', () => {
  const update = (seq: number, by?: string) =>
    messageFrame({
      type: 'SEAT_UPDATE',
      data: { seat_id: 'A1', status: by ? 1 : 0, seq, ...(by && { held_by: by, expires_at: 1_700_000_000.123 }) },
    });

  it('[R206] finds the frames in any split of the bytes', () => {
    const padding = 'x'.repeat(70_000);
    const frames = [update(1), update(22, 'a-rather-long-user-name-of-nearly-sixty-four-characters'), update(333)];
    const long = messageFrame({ type: 'ERROR', data: { code: 'BUSY', message: padding, retryable: true } });
    const bytes = Buffer.concat([...frames, long, update(4)]);
    for (const pieceLength of [97, 125, 4_096, bytes.length]) {
      const reader = new FrameReader();
      const seen: number[] = [];
      const lengths: number[] = [];
      for (let at = 0; at < bytes.length; at += pieceLength) {
        // The same memory again and again, as a socket gives it.
        const piece = Buffer.from(bytes.subarray(at, at + pieceLength));
        reader.read(piece, (opcode, all, start, end) => {
          expect(opcode).toBe(1);
          lengths.push(end - start);
          if (kindAt(all, start) === kinds.seatUpdate) seen.push(seqIn(all, start, end));
        });
        piece.fill(0);
      }
      expect(seen).toEqual([1, 22, 333, 4]);
      expect(lengths).toHaveLength(5);
    }
  });

  it('[R206] a seq is read from its own message, wherever it stands in that', () => {
    const both = Buffer.concat([update(17, 'q'), update(18)]);
    const found: number[] = [];
    new FrameReader().read(both, (_opcode, all, start, end) => found.push(seqIn(all, start, end)));
    expect(found).toEqual([17, 18]);
    const without = Buffer.from('{"type":"ACK","data":{}}{"seq":9}');
    expect(seqIn(without, 0, 24)).toBeNaN();
  });

  it('[R206] the position of VENUE_STATE is that of the venue, not of a seat', () => {
    const seats = '[{"id":"A1","row":0,"col":0,"status":0,"seq":3}]';
    const state = Buffer.from(`{"type":"VENUE_STATE","data":{"venue":"main","epoch":"e-1","seq":42,"seats":${seats}}}`);
    expect(kindAt(state, 0)).toBe(kinds.venueState);
    expect(positionAfter(state, 0, state.length)).toEqual({ epoch: 'e-1', seq: 42 });
  });

  it('[R206] frames of a client are masked', () => {
    for (const length of [0, 125, 126, 4_000]) {
      const payload = Buffer.alloc(length, 'x');
      const frame = maskedFrame(1, payload);
      expect(frame[0]).toBe(0x81);
      expect((frame[1] as number) & 0x80).toBe(0x80);
      expect(frame.subarray(-length || frame.length)).toEqual(payload);
    }
  });
});
