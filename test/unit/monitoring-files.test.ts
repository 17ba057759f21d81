import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { errorCodes } from '../../src/protocol/errors.ts';
import { allMetrics } from '../support/all-metrics.ts';

/** By name of each metric of our processes: its labels. A histogram has three names. */
function knownMetrics(): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>();
  for (const metric of allMetrics()) {
    const { name, labelNames = [] } = metric as unknown as Described;
    const isHistogram = String((metric as unknown as Described).type) === 'histogram';
    if (!isHistogram) known.set(name, labelNames);
    else for (const suffix of ['_bucket', '_sum', '_count']) known.set(name + suffix, [...labelNames, 'le']);
  }
  return known;
}
type Described = MetricObjectWithValues<MetricValue<string>> & { labelNames?: string[] };

const known = knownMetrics();
/** Prometheus adds these. */
const addedLabels = ['instance', 'job', 'namespace', 'pod'];

/** The faults of an expression: its syntax, an unknown metric, an unknown label of a metric, an unknown code. */
function faultsOf(expression: string): string[] {
  const faults: string[] = [];
  const used: string[] = [];
  const labels: string[] = [];
  const text = (node: { from: number; to: number }) => expression.slice(node.from, node.to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) faults.push(`syntax at ${node.from}`);
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector') used.push(text(node));
      if (node.name === 'LabelName') labels.push(text(node));
      if (node.name === 'UnquotedLabelMatcher') {
        const [, label, value = ''] = /^(\w+)\s*(?:=~|!~|!=|=)\s*"(.*)"$/.exec(text(node)) ?? [];
        const isCode = (code: string) => code === 'OK' || code in errorCodes;
        if (label === 'outcome' || label === 'code')
          for (const code of value.split('|')) if (!isCode(code)) faults.push(`code ${code}`);
      }
    },
  });
  if (used.length === 0) faults.push('no metric');
  for (const name of used) if (!known.has(name)) faults.push(`metric ${name}`);
  const possible = [...addedLabels, ...used.flatMap((name) => known.get(name) ?? [])];
  for (const label of labels) if (!possible.includes(label)) faults.push(`label ${label}`);
  return faults;
}

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}

interface Panel {
  type: string;
  title: string;
  description?: string;
  targets?: { expr: string; legendFormat: string }[];
}

const rules = (
  parse(readFileSync('deploy/prometheus/alerts.yaml', 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync('deploy/grafana/seat-booking.json', 'utf8')) as { panels: Panel[] };
const adapter = parse(readFileSync('deploy/prometheus/adapter.yaml', 'utf8')) as {
  rules: { custom: { seriesQuery: string }[] };
};

describe('[R984] alerts and dashboards use metrics that the processes have', () => {
  test.each(rules.map(({ alert, ...rule }) => [alert, rule] as const))(
    'the alert %s',
    (_, { expr, labels, annotations }) => {
      expect(faultsOf(expr)).toEqual([]);
      expect(['page', 'ticket']).toContain(labels.severity);
      expect(annotations.summary).toMatch(/^\S.*\.$/);
    },
  );

  test.each(dashboard.panels.filter(({ type }) => type !== 'row').map((panel) => [panel.title, panel] as const))(
    'the panel %s',
    (_, { description, targets = [] }) => {
      expect(description).toMatch(/\.$/);
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets) expect(faultsOf(expr), expr).toEqual([]);
    },
  );

  test('the rule of the adapter, for the metric that scales the edges', () => {
    const [series = '', ...more] = adapter.rules.custom.map(({ seriesQuery }) => seriesQuery);
    expect(more).toEqual([]);
    expect(faultsOf(series)).toEqual([]);
    const edge = readFileSync('deploy/kubernetes/base/edge.yaml', 'utf8');
    expect(edge).toContain(`metric: { name: ${series.split('{')[0]} }`);
  });

  test('each metric of ours is in the dashboard or in an alert', () => {
    const all = [...rules, ...dashboard.panels.flatMap(({ targets = [] }) => targets)]
      .map(({ expr }) => expr)
      .join('\n');
    const own = [...known.keys()]
      .filter((name) => /^(booking|edge|http)_/.test(name))
      .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    expect(own.length).toBeGreaterThan(15);
    // Messages of browsers are counted in booking_commands_total too.
    expect([...new Set(own)].filter((name) => !all.includes(name))).toEqual(['edge_commands_total']);
  });

  test('an unknown metric, label or code, and a wrong syntax are found', () => {
    expect(faultsOf('sum(rate(edge_conections[1m]))')).toEqual(['metric edge_conections']);
    expect(faultsOf('booking_commands_total{outcomes="OK"}')).toEqual(['label outcomes']);
    expect(faultsOf('booking_commands_total{outcome=~"OK|TIMEOUTS"}')).toEqual(['code TIMEOUTS']);
    expect(faultsOf('sum by (reasons) (edge_clients_terminated_total)')).toEqual(['label reasons']);
    expect(faultsOf('sum(edge_connections')).toContainEqual(expect.stringMatching(/^syntax/));
  });
});
