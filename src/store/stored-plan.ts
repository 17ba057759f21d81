import { gunzipSync, gzipSync } from 'node:zlib';
import { Compile } from 'typebox/compile';
import { PlanDocument } from '../shows/plan-document.ts';
import { planHash } from '../shows/plan-hash.ts';
import { SeatingPlan } from '../shows/seating-plan.ts';

const planDocument = Compile(PlanDocument);
/** Ten times what a plan of 100,000 seats needs. */
const maxPlanBytes = 64 * 1024 * 1024;

/** The content of `venue:plan`: its JSON, compressed because a request to Redis is bounded, in base64. */
export const planText = (plan: SeatingPlan): string => gzipSync(JSON.stringify(plan.toDocument())).toString('base64');

/** Undefined: it cannot be read, or is not the plan with this hash; that is as if it were lost. Without a hash: any plan. */
export function storedPlan(text: string | null, hash: string | undefined): SeatingPlan | undefined {
  try {
    const json = gunzipSync(Buffer.from(text ?? '', 'base64'), { maxOutputLength: maxPlanBytes }).toString();
    const document: unknown = JSON.parse(json);
    const plan = planDocument.Check(document) ? new SeatingPlan(document) : undefined;
    return plan && (hash === undefined || planHash(plan) === hash) ? plan : undefined;
  } catch {
    return undefined;
  }
}
