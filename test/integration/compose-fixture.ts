import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findExecutable } from '../../src/launch/find-executable.ts';
import { ServiceProcess, type ServiceSpec } from '../../src/launch/service-process.ts';

/**
 * The command of a container, as a process of this machine until the end of the test. `secrets` are the files of its
 * /run/secrets, `here` the folder in place of that and of /data, `addresses` the replacements of other names.
 */
export async function startAsContainer(options: {
  name: string;
  command: readonly string[];
  secrets: Readonly<Record<string, string>>;
  here: string;
  addresses: Readonly<Record<string, string>>;
  answers: () => Promise<void>;
}): Promise<ServiceProcess> {
  const { name, command, secrets, here, addresses, answers } = options;
  const local = (text: string) => localText(text, here, addresses);
  mkdirSync(join(here, 'data'), { recursive: true });
  for (const [file, content] of Object.entries(secrets)) writeFileSync(join(here, file), local(content));
  const [program = '', ...args] = command.map(local);
  const spec: ServiceSpec = {
    name,
    command: [findExecutable(program) ?? program, ...args],
    env: process.env,
    logFile: join(here, `${name}.log`),
    answers,
    stopTimeoutMs: 1_000,
    hint: '',
  };
  const started = new ServiceProcess(spec);
  onTestFinished(() => started.stop());
  await started.ready();
  return started;
}

export function localText(text: string, here: string, addresses: Readonly<Record<string, string>>): string {
  const replaced = text.replaceAll('/run/secrets', here).replaceAll('"/data"', JSON.stringify(join(here, 'data')));
  return Object.entries(addresses).reduce((result, [from, to]) => result.replaceAll(from, to), replaced);
}
