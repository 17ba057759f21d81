import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../process/error-facts.ts';
import { fileUnusable } from './file-unusable.ts';
import { inheritOwner } from './inherit-owner.ts';

/**
 * Creates the folder and its missing parents. Node's own `recursive` option loops forever in an existing folder that allows no
 * subfolders, such as /proc.
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
    const code = codeOf(error);
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
