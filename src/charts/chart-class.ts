/**
 * CSS classes of the states and transitions in a chart's SVG, with which a page highlights them. A transition is
 * identified by its source, its event, and its position among the transitions of the source for this event.
 */
export const stateClass = (stateId: string): string => `state-${asClass(stateId)}`;

export const transitionClass = (sourceId: string, eventType: string, index: number): string =>
  `on-${asClass(`${sourceId} ${eventType} ${index}`)}`;

const asClass = (text: string): string => text.replaceAll(/[^A-Za-z0-9]+/g, '_');
