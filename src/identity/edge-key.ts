import { randomBytes } from 'node:crypto';

/** The request header by which an edge proves that it belongs to the process that it calls. */
export const edgeKeyHeader = 'x-edge-key';

export const newEdgeKey = (): string => randomBytes(32).toString('base64url');
