import { Crowd, type CrowdOptions, type Stamp } from './crowd.ts';

/** The requests of the loader to the process that holds the sockets. */
export interface CrowdRequests {
  connect: CrowdOptions & { count: number; timeoutMs: number };
  begin: { seq: number; capacity: number };
  reach: { seq: number; timeoutMs: number };
  end: undefined;
  result: { untilSeq: number; stamps: Stamp[]; statuses: string };
}

export type CrowdRequest = {
  [Name in keyof CrowdRequests]: { id: number; name: Name; data: CrowdRequests[Name] };
}[keyof CrowdRequests];

/** A separate process: sockets in the loader's event loop would measure the loader. */
let crowd: Crowd | undefined;

process.on('message', (request: CrowdRequest) => {
  handle(request).then(
    (result) => process.send?.({ id: request.id, result }),
    (error: Error) => process.send?.({ id: request.id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {}); // the loader handles Ctrl-C

async function handle({ name, data }: CrowdRequest): Promise<unknown> {
  if (name === 'connect') {
    crowd = new Crowd(data);
    return crowd.connect(data.count, data.timeoutMs);
  }
  if (!crowd) throw new Error('There are no sockets yet');
  switch (name) {
    case 'begin':
      return crowd.begin(data.seq, data.capacity);
    case 'reach':
      return crowd.reach(data.seq, data.timeoutMs);
    case 'end':
      return crowd.end();
    case 'result':
      return crowd.result(data.untilSeq, data.stamps, data.statuses);
  }
}
