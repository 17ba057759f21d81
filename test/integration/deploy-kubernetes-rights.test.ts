import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/edge/limits.ts';
import { loadEdgeConfig } from '../../src/process/config.ts';
import { closeTimeoutMs } from '../../src/process/run-process.ts';
import {
  allowedConnections,
  clusterOf,
  containerOf,
  overlays,
  renderAll,
  renderTimeoutMs,
  selects,
  workloadOf,
} from './kubernetes-fixture.ts';

beforeAll(renderAll, renderTimeoutMs);

const writableOf: Record<string, string[]> = {
  web: ['/tmp'],
  redis: ['/data'],
  nats: ['/data'],
  postgres: ['/var/lib/postgresql/data', '/var/run/postgresql', '/tmp'],
};

describe('[R975] a pod has the rights that it needs', () => {
  test.each(overlays)('in %s: not root, nothing to be written but data, no capabilities, no token', (overlay) => {
    for (const workload of clusterOf(overlay).workloads) {
      const { name, pod } = workload;
      const { securityContext, resources, volumeMounts = [] } = containerOf(workload);
      expect(pod.automountServiceAccountToken, name).toBe(false);
      expect(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC, name).toBeUndefined();
      expect(pod.securityContext, name).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.securityContext?.runAsUser, name).toBeGreaterThan(0);
      expect(securityContext, name).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(resources?.limits?.memory, name).toBeDefined();
      expect(resources?.requests, name).toMatchObject({ cpu: expect.anything(), memory: expect.anything() });
      const writable = volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
      expect(writable, name).toEqual(writableOf[name] ?? []);
      expect(pod.volumes?.filter(({ hostPath }) => hostPath) ?? []).toEqual([]);
    }
    const [namespace] = clusterOf(overlay).ofKind('Namespace');
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });
});

test('[R978] docs/deploy.md states the total requests of the pods at rest', () => {
  const { workloads, ofKind } = clusterOf('gke');
  const atRest = (replicas: number | undefined) => replicas ?? ofKind('HorizontalPodAutoscaler')[0]?.spec.minReplicas;
  const sum = (resource: 'cpu' | 'memory', unit: string) =>
    workloads.reduce((total, workload) => {
      const text = String(containerOf(workload).resources?.requests?.[resource]);
      expect(text).toMatch(new RegExp(`^\\d+${unit}$`));
      return total + Number.parseInt(text, 10) * atRest(workload.replicas);
    }, 0);
  const stated = `The pods request ${sum('cpu', 'm') / 1000} cores and ${sum('memory', 'Mi')} MiB`;
  expect(readFileSync('docs/deploy.md', 'utf8')).toContain(stated);
});

describe('[R976] a pod reaches only the pods that it needs', () => {
  const between = [
    'booking → nats:4222',
    'booking → postgres:5432',
    'booking → redis:6379',
    'edge → booking:8080',
    'edge → nats:4222',
    'nats → nats:6222',
    'web → booking:8080',
    'web → edge:3000',
  ];
  const dns = (name: string) => [`${name} → 169.254.0.0/16:53`, `${name} → kube-system:53`];
  const metrics = ['booking', 'edge'].flatMap((name) => [`monitoring → ${name}:3000`, `monitoring → ${name}:8080`]);

  test('in gke', () => {
    const outside = ['130.211.0.0/22 → web:8080', '35.191.0.0/16 → web:8080'];
    const names = clusterOf('gke').workloads.flatMap(({ name }) => dns(name));
    expect(allowedConnections(clusterOf('gke'))).toEqual([...between, ...outside, ...names, ...metrics].sort());
  });

  test('in managed', () => {
    const servers = [
      ...['4222', '5432', '6379'].map((port) => `booking → 10.0.0.0/8:${port}`),
      'edge → 10.0.0.0/8:4222',
    ];
    const own = between.filter((each) => !/nats|redis|postgres/.test(each));
    const names = clusterOf('managed').workloads.flatMap(({ name }) => dns(name));
    expect(allowedConnections(clusterOf('managed'))).toEqual(
      [...own, ...servers, 'traefik → web:8080', ...names, ...metrics].sort(),
    );
  });
});

describe('[R977] pods are replaced without a gap', () => {
  test.each(overlays)('in %s: a process has its whole time to end', (overlay) => {
    for (const name of ['booking', 'edge']) {
      const workload = workloadOf(overlay, name);
      const [, waits = '0'] = containerOf(workload).lifecycle?.preStop?.exec?.command ?? [];
      const neededS = Number(waits) + closeTimeoutMs / 1000;
      expect(workload.pod.terminationGracePeriodSeconds, name).toBeGreaterThan(neededS);
    }
    expect(defaultLimits.drainTimeoutMs).toBeLessThan(closeTimeoutMs);
    // No Service lists an edge any more when it closes its clients.
    expect(containerOf(workloadOf(overlay, 'edge')).lifecycle?.preStop?.exec?.command).toEqual(['sleep', '5']);
  });

  test.each(overlays)('in %s: whatever has several pods keeps all but one', (overlay) => {
    const { workloads, ofKind } = clusterOf(overlay);
    const budgets = ofKind('PodDisruptionBudget');
    for (const { name, labels, replicas } of workloads) {
      const own = budgets.filter(({ spec }) => selects(spec.selector, labels));
      expect(
        own.map(({ spec }) => spec.maxUnavailable),
        name,
      ).toEqual(replicas === 1 ? [] : [1]);
    }
  });

  test.each(overlays)('in %s: edges grow with their connections', async (overlay) => {
    const [autoscaler] = clusterOf(overlay).ofKind('HorizontalPodAutoscaler');
    expect(autoscaler?.spec.scaleTargetRef.name).toBe('edge');
    expect(workloadOf(overlay, 'edge').replicas).toBeUndefined();
    expect(autoscaler?.spec.minReplicas).toBeGreaterThan(1);
    const { pods } = autoscaler?.spec.metrics.find(({ type }: { type: string }) => type === 'Pods') ?? {};
    expect(pods.metric.name).toBe('edge_connections');
    // An edge that ends leaves its connections to the others.
    expect(Number(pods.target.averageValue)).toBeLessThanOrEqual(loadEdgeConfig({}).MAX_CONNECTIONS / 2);
  });
});
