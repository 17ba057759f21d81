import type { Attack } from './attack.ts';
import { httpAttacks } from './http-attacks.ts';
import { socketAttacks } from './socket-attacks.ts';
import { viewerAttacks } from './viewer-attacks.ts';

const all = { ...httpAttacks, ...socketAttacks, ...viewerAttacks };
export type AttackName = keyof typeof all;
export const attacks: Record<AttackName, Attack> = all;
export type { Target } from './attack.ts';
