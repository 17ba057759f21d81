import { contend } from './contend.ts';
import { fanout } from './fanout.ts';
import { journey } from './journey.ts';
import { read } from './read.ts';
import type { Scenario } from './scenario.ts';

export const scenarios: readonly Scenario[] = [read, contend, journey, fanout];
