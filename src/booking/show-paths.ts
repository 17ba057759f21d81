import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { isObject } from '../process/is-object.ts';

/** Any text: a name that no show can have is an unknown show, too. */
export const ShowParams = Type.Object({ show: Type.String({ maxLength: 64, description: 'Id of the show' }) });

interface ShowPath {
  url: string;
  /** Differs for the two paths, as ids of operations must. */
  operationId: string;
  /** For the route's schema. */
  params?: typeof ShowParams;
}

/** The two paths of a route: of the default show, and of any show. `operation`: a verb and what it is about, as in `list Seats`. */
export function showPaths(path: string, operation: string): ShowPath[] {
  const [verb = '', ...about] = operation.split(' ');
  return [
    { url: `/api${path}`, operationId: `${verb}${about.join('')}` },
    { url: `/api/shows/:show${path}`, operationId: `${verb}Show${about.join('')}`, params: ShowParams },
  ];
}

/** The id of the show in the path; undefined: the default show. */
export function showIdOf({ params }: Pick<FastifyRequest, 'params'>): string | undefined {
  return isObject(params) && typeof params.show === 'string' ? params.show : undefined;
}
