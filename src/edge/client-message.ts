import { Compile } from 'typebox/compile';
import { isObject } from '../process/is-object.ts';
import { ClientMessage } from '../protocol/messages.ts';

export type RequestId = string | number;

export type ReadMessage =
  | { ok: true; message: ClientMessage }
  | { ok: false; problem: string; requestId: RequestId | undefined };

interface MessageValidator {
  Check(value: unknown): boolean;
  Errors(value: unknown): { instancePath: string; message: string }[];
}

/** One validator per type gives useful errors; a union only reports that none of its shapes matches. */
const validators = new Map<string, MessageValidator>(
  ClientMessage.anyOf.map((schema) => [schema.properties.type.const, Compile(schema)] as const),
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
  if (isValid(value, validator)) return { ok: true, message: value };
  const [problem] = validator.Errors(value);
  return refused(`${type}: ${problem?.instancePath.slice(1) || 'the message'} ${problem?.message}`, requestId);
}

function isValid(value: unknown, validator: MessageValidator): value is ClientMessage {
  return validator.Check(value);
}

function refused(problem: string, requestId: RequestId | undefined): ReadMessage {
  return { ok: false, problem, requestId };
}

function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRequestId(value: unknown): value is RequestId {
  return (typeof value === 'string' && value.length <= 64) || Number.isInteger(value);
}
