import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartFiles } from './chart-files.ts';

/** `npm run machines`: writes docs/machines. */
const folder = join('docs', 'machines');
mkdirSync(folder, { recursive: true });
for (const [name, text] of await chartFiles()) writeFileSync(join(folder, name), text);
