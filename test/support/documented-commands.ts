import { readdirSync, readFileSync } from 'node:fs';

export interface DocumentedCommand {
  document: string;
  command: string;
}

export const documents: readonly string[] = [
  'README.md',
  'DEMO.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The commands in the shell blocks of the documents, without comments. A loop over several lines is one command. */
export const documentedCommands = (): DocumentedCommand[] =>
  documents.flatMap((document) => commandsIn(readFileSync(document, 'utf8')).map((command) => ({ document, command })));

export const commandsIn = (markdown: string): string[] =>
  [...markdown.matchAll(/^```(?:sh|bash|shell|console)\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block
      .split('\n')
      .map((line) => line.replace(/(?:^|\s+)#\s.*$/, ''))
      .join('\n')
      .split(/\n(?!\s)/)
      .map((command) => command.trim())
      .filter((command) => command !== ''),
  );

/** A command for a running system. launch-documented-commands.test.ts types it into a shell. */
export const isForRunningSystem = (command: string): boolean =>
  /^(?:curl |redis-cli |REDISCLI_AUTH=|for user in |npx autocannon |npx -y wscat |\(printf )/.test(command);

/** A command that starts one process of the system by hand. launch-by-hand.test.ts runs it. */
export const isStartByHand = (command: string): boolean =>
  /^(?:redis-server |nats-server |export NODE_OPTIONS=|(?:PORT=\d+ )?node (?:--\S+ )?dist\/)/.test(command);
