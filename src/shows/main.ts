import { codeOf, errorOf } from '../process/error-facts.ts';
import { ShowFileError } from './show-file-error.ts';
import { showSchemaText } from './show-schema.ts';
import { checkCommand } from './tool/check-command.ts';
import { exportCommand } from './tool/export-command.ts';
import { generateCommand } from './tool/generate-command.ts';
import { importCommand } from './tool/import-command.ts';
import { measureCommand } from './tool/measure-command.ts';
import { usage } from './tool/usage.ts';
import { UsageError } from './tool/usage-error.ts';

/** Returns the text for standard output. */
type Command = (args: string[], note: (text: string) => void) => string | Promise<string>;

const commands: Record<string, Command> = {
  check: checkCommand,
  import: importCommand,
  export: exportCommand,
  generate: generateCommand,
  schema: showSchemaText,
  measure: measureCommand,
};

/** Standard output has the result only, so that it can be written to a file. */
const note = (text: string): void => void process.stderr.write(`${text}\n`);

function run([name = '', ...args]: string[]): string | Promise<string> {
  if ([name, ...args].includes('--help')) return `${usage}\n`;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new UsageError(name === '' ? 'A command is missing' : `${name}: no such command`);
  return command(args, note);
}

/** For the user; a stack trace only if the fault is ours. */
function messageFor(error: Error): string {
  if (error instanceof ShowFileError) return error.message;
  const isUsage = error instanceof UsageError || codeOf(error)?.startsWith('ERR_PARSE_ARGS_');
  return isUsage ? `${error.message}\n\n${usage}` : String(error.stack);
}

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  note(messageFor(errorOf(error)));
  process.exitCode = 1;
}
