import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { IIoK8sApiCoreV1PodSpec } from 'kubernetes-models/v1/PodSpec';
import { expect } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findKubectl } from '../support/kubectl.ts';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Labels; annotations?: Record<string, string> };
  data?: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: each kind has another; R970 checks all of them against their schemas
  spec?: any;
}

type Labels = Record<string, string>;
type PodSpec = IIoK8sApiCoreV1PodSpec;

/** A pod template, with the number of its pods; undefined if an autoscaler decides it. */
export interface Workload {
  name: string;
  labels: Labels;
  annotations: Record<string, string>;
  replicas: number | undefined;
  pod: PodSpec;
}

interface Cluster {
  manifests: Manifest[];
  ofKind(kind: string): Manifest[];
  workloads: Workload[];
}

const folder = 'deploy/kubernetes/overlays';
export const overlays = readdirSync(folder);
const clusters: Record<string, Cluster> = {};

/** For `beforeAll`. */
export async function renderAll(): Promise<void> {
  for (const name of overlays) clusters[name] ??= await render(join(folder, name));
}
/** In milliseconds: kubectl may have to be installed. */
export const renderTimeoutMs = 300_000;

export const clusterOf = (overlay: string): Cluster => clusters[overlay] ?? expect.unreachable(overlay);

export function workloadOf(overlay: string, name: string): Workload {
  const found = clusterOf(overlay).workloads.find((each) => each.name === name);
  return found ?? expect.unreachable(`${name} of ${overlay}`);
}

/** Each pod has one container. */
export function containerOf({ name, pod }: Workload) {
  expect(pod.containers, name).toHaveLength(1);
  return pod.containers[0] ?? expect.unreachable();
}

/** Of the ConfigMap that the container reads. */
export function settingsOfPod(overlay: string, name: string): Record<string, string> {
  const [source] = containerOf(workloadOf(overlay, name)).envFrom ?? [];
  const map = clusterOf(overlay).manifests.find(({ metadata }) => metadata.name === source?.configMapRef?.name);
  return map?.data ?? expect.unreachable(`${name} has no settings`);
}

/** The objects that `kubectl apply -k` would send. */
async function render(path: string): Promise<Cluster> {
  const kubectl = await findKubectl();
  const text = execFileSync(kubectl, ['kustomize', path], { encoding: 'utf8', stdio: 'pipe' });
  const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  const ofKind = (kind: string) => manifests.filter((each) => each.kind === kind);
  const workloads = [...ofKind('Deployment'), ...ofKind('StatefulSet')].map(({ metadata, spec }) => ({
    name: metadata.name,
    labels: spec.template.metadata.labels,
    annotations: spec.template.metadata.annotations ?? {},
    replicas: spec.replicas,
    pod: spec.template.spec as PodSpec,
  }));
  return { manifests, ofKind, workloads };
}

interface Selector {
  matchLabels?: Labels;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** Of `In` expressions only; another operator is an error. */
export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`This test does not know the operator ${operator}`);
      return values.includes(labels[key] ?? '');
    })
  );
}

interface Peer {
  podSelector?: Selector;
  namespaceSelector?: Selector;
  ipBlock?: { cidr: string };
}

interface PolicySpec {
  podSelector: Selector;
  policyTypes: string[];
  ingress?: { from?: Peer[]; ports?: { port: number }[] }[];
  egress?: { to?: Peer[]; ports?: { port: number }[] }[];
}

/** `web → edge:3000` for each connection between pods, or with a network, that the policies of both ends allow. */
export function allowedConnections({ workloads, ofKind }: Cluster): string[] {
  const policies = ofKind('NetworkPolicy').map(({ spec }) => spec as PolicySpec);
  const of = (labels: Labels, type: string) =>
    policies.filter(({ podSelector, policyTypes }) => policyTypes.includes(type) && selects(podSelector, labels));
  /** The peers outside of this namespace. */
  const outside = (peer: Peer) =>
    peer.ipBlock?.cidr ?? Object.values(peer.namespaceSelector?.matchLabels ?? {}).join() ?? '';
  const sides = workloads.flatMap(({ name, labels }) => {
    const egress = of(labels, 'Egress');
    const ingress = of(labels, 'Ingress');
    if (egress.length === 0 || ingress.length === 0) throw new Error(`${name} is under no policy`);
    return { name, labels, egress, ingress };
  });
  const found = new Set<string>();
  for (const source of sides) {
    for (const { to, ports } of source.egress.flatMap(({ egress = [] }) => egress)) {
      if (!to || !ports) throw new Error(`${source.name} may connect anywhere`);
      for (const peer of to) {
        for (const { port } of ports) {
          if (!peer.podSelector) found.add(`${source.name} → ${outside(peer)}:${port}`);
          for (const target of sides) {
            if (!peer.podSelector || !selects(peer.podSelector, target.labels)) continue;
            const isAdmitted = target.ingress
              .flatMap(({ ingress = [] }) => ingress)
              .some(
                ({ from, ports: admitted }) =>
                  from?.some(({ podSelector }) => podSelector && selects(podSelector, source.labels)) &&
                  admitted?.some((each) => each.port === port),
              );
            if (isAdmitted) found.add(`${source.name} → ${target.name}:${port}`);
          }
        }
      }
    }
  }
  for (const target of sides) {
    for (const { from, ports } of target.ingress.flatMap(({ ingress = [] }) => ingress)) {
      if (!from || !ports) throw new Error(`Anybody may connect to ${target.name}`);
      for (const peer of from.filter(({ podSelector }) => !podSelector))
        for (const { port } of ports) found.add(`${outside(peer)} → ${target.name}:${port}`);
    }
  }
  return [...found].sort();
}
