import { checkout } from './checkout.ts';
import { contend } from './contend.ts';
import { fanout } from './fanout.ts';
import { groups } from './groups.ts';
import { journey } from './journey.ts';
import { read } from './read.ts';
import { reconnect } from './reconnect.ts';
import { rush } from './rush.ts';
import type { Scenario } from './scenario.ts';
import { soak } from './soak.ts';

export const scenarios: readonly Scenario[] = [read, contend, journey, groups, checkout, rush, fanout, reconnect, soak];
