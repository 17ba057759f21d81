import { bestSection } from './best-section.ts';
import { checkoutSection } from './checkout-section.ts';
import { clusterSection } from './cluster-section.ts';
import { coldStartSection } from './cold-start-section.ts';
import { expirySection } from './expiry-section.ts';
import { fanoutSection } from './fanout-section.ts';
import { contendSection, groupsSection, journeySection, readSection, tracesSection } from './http-sections.ts';
import { scaleSection } from './scale-section.ts';
import type { Section, SuiteContext } from './section.ts';
import { showsSection } from './shows-section.ts';
import { sizesSection } from './sizes-section.ts';
import { stormSection } from './storm-section.ts';
import { watchersSection } from './watchers-section.ts';

/** The sections by their names in docs/performance.md, in the order of measurement. */
export const sections: Record<string, (context: SuiteContext) => Promise<Section>> = {
  read: readSection,
  contend: contendSection,
  journey: journeySection,
  groups: groupsSection,
  traces: tracesSection,
  best: bestSection,
  checkout: checkoutSection,
  fanout: fanoutSection,
  watchers: watchersSection,
  storm: stormSection,
  sizes: sizesSection,
  shows: showsSection,
  scale: scaleSection,
  cluster: clusterSection,
  expiry: expirySection,
  'cold-start': coldStartSection,
};
