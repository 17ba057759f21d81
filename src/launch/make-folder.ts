import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileUnusable } from './file-unusable.ts';
import { inheritOwner } from './inherit-owner.ts';

/**
 * Makes the folder and those above it, where they are missing. Node's own `recursive` loops for ever in a folder that
 * exists and lets none be made, such as /proc.
 */
export function makeFolder(path: string): void {
  try {
    makeMissing(path);
  } catch (cause) {
    throw fileUnusable(path, cause);
  }
}

function makeMissing(path: string): void {
  try {
    makeOne(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    makeMissing(parent);
    makeOne(path);
  }
}

function makeOne(path: string): void {
  mkdirSync(path);
  inheritOwner(path);
}
