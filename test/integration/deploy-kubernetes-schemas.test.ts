import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { clusterOf, type Manifest, overlays, renderAll, renderTimeoutMs } from './kubernetes-fixture.ts';

beforeAll(renderAll, renderTimeoutMs);

/** The module of a kind in the packages of schemas, and the name of its interface. */
function schemaOf({ apiVersion, kind }: Manifest): { module: string; type: string } {
  const isGoogle = /^(cloud\.google\.com|networking\.gke\.io)\//.test(apiVersion);
  return {
    module: `${isGoogle ? '@kubernetes-models/gke' : 'kubernetes-models'}/${apiVersion}/${kind}`,
    type: `I${kind}`,
  };
}

/** The faults of manifests: by the schemas' types, which know every field, and by their validators, which know patterns and required fields. */
async function faultsOf(manifests: readonly Manifest[]): Promise<string[]> {
  const file = join('.test-data', `manifests-${process.pid}.ts`);
  mkdirSync('.test-data', { recursive: true });
  const lines = manifests.map((manifest, index) => {
    const { module, type } = schemaOf(manifest);
    return `export const m${index}: import('${module}').${type} = ${JSON.stringify(manifest)};`;
  });
  const faults: string[] = [];
  try {
    writeFileSync(file, `${lines.join('\n')}\n`);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
    execFileSync('node_modules/.bin/tsc', ['--ignoreConfig', ...options, file], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    faults.push(String((error as { stdout?: string }).stdout));
  } finally {
    rmSync(file, { force: true });
  }
  for (const manifest of manifests) {
    const { module } = schemaOf(manifest);
    const models: Record<string, new (data: Manifest) => { validate(): void }> = await import(module);
    const Model = models[manifest.kind] ?? expect.unreachable(manifest.kind);
    try {
      new Model(manifest).validate();
    } catch (error) {
      faults.push(`${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`);
    }
  }
  return faults;
}

describe('[R970] every manifest agrees with the schema of its kind', () => {
  test.each(overlays)('of %s', { timeout: 120_000 }, async (overlay) => {
    const { manifests } = clusterOf(overlay);
    expect(manifests.length).toBeGreaterThan(20);
    expect(await faultsOf(manifests)).toEqual([]);
  });

  test('a misspelt field, a wrong type and a missing field are found', { timeout: 120_000 }, async () => {
    const probe = (change: object): Manifest => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'probe' },
      spec: { containers: [{ name: 'one', image: 'one', ...change }] },
    });
    const faults = await faultsOf([
      probe({ readinesProbe: {} }),
      probe({ livenessProbe: { periodSeconds: '5' } }),
      probe({ readinessProbe: { httpGet: { path: '/' } } }),
    ]);
    for (const fault of ['"readinesProbe"', 'TS2322: Type', 'periodSeconds must be integer', 'required property port'])
      expect(faults.join('\n')).toContain(fault);
  });

  test('everything is in the one namespace, and no name is used twice', () => {
    for (const overlay of overlays) {
      const { manifests } = clusterOf(overlay);
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      for (const { kind, metadata } of manifests)
        if (kind !== 'Namespace') expect(metadata.namespace, metadata.name).toBe('concert-booking');
    }
  });
});
