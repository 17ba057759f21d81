import type { VenueConfig } from '../process/config.ts';
import type { HoldSettings } from '../protocol/venue.ts';
import type { GridSize } from '../shows/default-show.ts';
import type { HoldRules } from '../store/seat-rules.ts';

/** The default show. */
export interface VenueSettings extends GridSize {
  /** Its id. */
  name: string;
}

export function venueSettings(config: VenueConfig): VenueSettings {
  return { name: config.VENUE, rows: config.VENUE_ROWS, cols: config.VENUE_COLS };
}

/** Of all shows that have no rules of their own. */
export function configuredRules(config: VenueConfig): HoldRules {
  return {
    holdTtlMs: Math.round(config.HOLD_SECONDS * 1000),
    maxExtensions: config.HOLD_EXTENSIONS,
    maxHoldsPerUser: config.MAX_HOLDS_PER_USER,
    reholdCooldownMs: config.REHOLD_COOLDOWN_MS,
  };
}

/** The rules of holds, as clients get them. */
export function holdSettings({ holdTtlMs, maxHoldsPerUser, maxExtensions = 0 }: HoldRules): Required<HoldSettings> {
  return { hold_seconds: holdTtlMs / 1000, max_holds: maxHoldsPerUser, hold_extensions: maxExtensions };
}
