import type { ModelSource } from "./contract/engine.ts";
import type { ModelFootprint } from "./contract/model-format.ts";

/** What a shared host takes for its models beyond their native memory: JavaScript objects and partial pages.
 *  Up to 2 % measured. */
export const sharedHostFactor = 1.02;

/** A plausible size for a model that is not clear, or whose bound is beyond reason: this multiple of what is
 *  certain about it, above all its weights, which may be widened or packed, and some room for its runs.
 *  Everything else that follows from shapes multiplies: a dimension that was misread, or is never reached,
 *  may claim a million times the file. */
const plausibleFactor = 2;
const plausibleRunBytes = 32 * 1024 * 1024;

/** Without the host. */
export type PlannedSize = Pick<ModelSource, "estimatedBytes" | "plausibleBytes" | "leastBytes">;

/** What a load should reserve, and the least that the model will take. */
export function plannedSize(footprint: ModelFootprint): PlannedSize {
  const { leastBytes, idleBytes, loadedBytes, isClear } = footprint;
  const room = Math.ceil(plausibleFactor * leastBytes) + plausibleRunBytes;
  const plausibleBytes = Math.min(loadedBytes, room);
  return isClear
    ? { estimatedBytes: loadedBytes, plausibleBytes, leastBytes: idleBytes }
    : { estimatedBytes: plausibleBytes, plausibleBytes, leastBytes };
}

/** How much a host's memory varies around a load for reasons of its own: up to 0.5 MiB measured. */
const noiseBytes = 1024 * 1024;
/** Models are rarely further from what their structure says. */
const usualMargin = 0.1;

/** What a model in a shared host counts for. `measuredBytes`: how much the host grew around its load,
 *  undefined if unknown. Reused free memory hides a part of the model's size, and what the host takes for
 *  itself must not be charged to one model. So growth beyond what the file's structure says counts only if it
 *  is too big to be the host's. */
export function sharedModelBytes(
  { usualBytes, leastBytes, isClear }: ModelFootprint,
  measuredBytes: number | undefined,
): number {
  // A model smaller than a host's noise cannot be measured.
  const lessening = usualBytes < noiseBytes ? 0 : usualMargin;
  const least = Math.max(leastBytes, usualBytes * (isClear ? 1 - lessening : 0));
  const most = usualBytes * (1 + usualMargin);
  const measured = measuredBytes ?? usualBytes;
  const isNoise = measured > most && measured - most < noiseBytes;
  const bytes = isNoise ? most : Math.max(least, measured);
  return Math.ceil(bytes * sharedHostFactor);
}
