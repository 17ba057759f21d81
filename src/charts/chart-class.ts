/**
 * The classes by which a chart's SVG names its states and transitions, so that a page can light them up. A transition
 * is known by its source, its event, and its place among those that one event may cause there.
 */
export const stateClass = (stateId: string): string => `state-${asClass(stateId)}`;

export const transitionClass = (sourceId: string, eventType: string, index: number): string =>
  `on-${asClass(`${sourceId} ${eventType} ${index}`)}`;

const asClass = (text: string): string => text.replaceAll(/[^A-Za-z0-9]+/g, '_');
