import { expect, test } from 'vitest';
import { openFilesWarning } from '../../src/launch/open-files.ts';

test('[R299] too few open files: the warning has the limit, the possible number of browsers and the command that raises it', () => {
  const warning = openFilesWarning(20_000, 1_024);
  expect(warning).toContain('A process may open 1024 files here (ulimit -n)');
  expect(warning).toContain('MAX_CONNECTIONS=20000 needs 20000: beyond some 462 browsers');
  expect(warning).toContain('ulimit -n 20000');
});

test('[R299] enough open files: no warning', () => {
  expect(openFilesWarning(20_000, 20_000)).toBeUndefined();
  expect(openFilesWarning(400, 1_024)).toBeUndefined();
  expect(openFilesWarning(20_000, Number.POSITIVE_INFINITY)).toBeUndefined();
});
