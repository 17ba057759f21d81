import { readFileSync } from 'node:fs';

/** The children of a process, such as the sessions of Postgres. Linux only. */
export const childPids = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
