import { loadDetails, loadPlan, repeated } from '../browser/load-show.ts';
import type { InspectSettings } from '../inspect/feed.ts';
import { inspectPath } from '../inspect/inspect-path.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';

const otherPlanRetryMs = 1_000;

/** The show of a page, from its address: `?show=arena`. */
export interface PageShow {
  /** For requests. undefined: the default show. */
  param: string | undefined;
  name: string;
  /** Prefix of texts that would otherwise be about the default show. */
  prefix: string;
  settings: InspectSettings;
}

/** `seats`: a comma list to check. Waits for the server. */
export async function loadPageShow(address: URLSearchParams, seats: string): Promise<PageShow> {
  const asked = address.get('show') ?? undefined;
  const settings = await repeated<InspectSettings>(inspectPath('settings', { show: asked, seats }), {});
  const { show: id, shows } = settings;
  const isDefault = id === shows[0]?.id;
  const name = shows.find((show) => show.id === id)?.name ?? id;
  return { param: isDefault ? undefined : id, name, prefix: isDefault ? '' : `${name} · `, settings };
}

export async function loadPlanOf({ settings }: PageShow): Promise<SeatingPlan> {
  for (;;) {
    const plan = await loadPlan(await loadDetails(settings.show));
    if (plan) return plan; // otherwise it has just changed
    await new Promise((resolve) => setTimeout(resolve, otherPlanRetryMs));
  }
}

/** A choice of shows; hidden while there is only one. */
export function fillShowPicker(picker: HTMLSelectElement, { settings: { show, shows } }: PageShow): void {
  picker.replaceChildren(...shows.map(({ id, name }) => new Option(name, id, id === show, id === show)));
  const isAlone = shows.length < 2;
  picker.disabled = isAlone; // a form then leaves it out
  picker.closest('label')?.classList.toggle('alone', isAlone);
}
