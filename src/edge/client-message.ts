import { Compile } from 'typebox/compile';
import { ClientMessage } from '../protocol/messages.ts';

export type RequestId = string | number;

export type ReadMessage =
  | { ok: true; message: ClientMessage }
  | { ok: false; problem: string; requestId: RequestId | undefined };

/** One for each type: "must match one of five shapes" would help nobody. */
const validators = new Map(
  ClientMessage.anyOf.map((schema) => [schema.properties.type.const as string, Compile(schema)] as const),
);
const knownTypes = [...validators.keys()].join(', ');

export function readMessage(text: string): ReadMessage {
  const value = parsedObject(text);
  if (!value) return refused('A message is a JSON object {type, data, request_id?}', undefined);
  const { type, request_id } = value;
  const requestId = isRequestId(request_id) ? request_id : undefined;
  if (typeof type !== 'string') return refused(`The type is missing; known are ${knownTypes}`, requestId);
  const validator = validators.get(type);
  if (!validator)
    return refused(`Unknown type ${JSON.stringify(type.slice(0, 32))}; known are ${knownTypes}`, requestId);
  if (validator.Check(value)) return { ok: true, message: value as ClientMessage };
  const [problem] = validator.Errors(value);
  return refused(`${type}: ${problem?.instancePath.slice(1) || 'the message'} ${problem?.message}`, requestId);
}

function refused(problem: string, requestId: RequestId | undefined): ReadMessage {
  return { ok: false, problem, requestId };
}

function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isRequestId(value: unknown): value is RequestId {
  return (typeof value === 'string' && value.length <= 64) || Number.isInteger(value);
}
