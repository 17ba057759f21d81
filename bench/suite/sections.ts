import { fanoutSection } from './fanout-section.ts';
import { contendSection, journeySection, readSection } from './http-sections.ts';
import type { Section, SuiteContext } from './section.ts';

export const sections: Record<string, (context: SuiteContext) => Promise<Section>> = {
  read: readSection,
  contend: contendSection,
  journey: journeySection,
  fanout: fanoutSection,
};
