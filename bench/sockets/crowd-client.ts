import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { rateLimitRemedy } from '../audit/client-log.ts';
import { CannotAuditError } from '../audit/venue-truth.ts';
import type { CrowdResult } from './crowd.ts';
import type { CrowdRequests } from './crowd-process.ts';

interface CrowdReplies {
  connect: undefined;
  begin: undefined;
  reach: boolean;
  end: undefined;
  result: CrowdResult;
}

/** The loader's handle of the process that holds the sockets. */
export class CrowdClient {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #requests = 0;

  constructor() {
    this.#child = fork(join('dist', 'bench', 'sockets', 'crowd-process.js'), { serialization: 'advanced' });
    this.#child.on('message', ({ id, result, error }: { id: number; result: never; error?: string }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(error.includes(rateLimitRemedy) ? new CannotAuditError(error) : new Error(error));
    });
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The process of the sockets exited with ${code}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  request<Name extends keyof CrowdRequests>(name: Name, data: CrowdRequests[Name]): Promise<CrowdReplies[Name]> {
    const id = this.#requests++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, name, data });
    });
  }

  /** Closes all sockets. */
  close(): void {
    this.#child.disconnect();
  }
}
