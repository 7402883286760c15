import type { ModelSource } from "./contract/engine.ts";
import type { ModelFootprint } from "./contract/model-format.ts";

/** What a shared host takes for its models beside their native memory, objects of JavaScript and pages
 *  that are not whole: up to 2 % measured. */
export const sharedHostFactor = 1.02;

/** What is plausible of a model that is not clear, or whose bound is beyond all reason: this much of what is
 *  certain of it, above all its weights, which may be widened or packed, and some room for its runs. Whatever
 *  else follows from shapes multiplies: one that was misread, or that is never reached, may ask for a million
 *  times the file. */
const plausibleFactor = 2;
const plausibleRunBytes = 32 * 1024 * 1024;

/** Without the host. */
export type PlannedSize = Pick<ModelSource, "estimatedBytes" | "plausibleBytes" | "leastBytes">;

/** What a load should reserve, and what the model will take at least. */
export function plannedSize(footprint: ModelFootprint): PlannedSize {
  const { leastBytes, idleBytes, loadedBytes, isClear } = footprint;
  const room = Math.ceil(plausibleFactor * leastBytes) + plausibleRunBytes;
  const plausibleBytes = Math.min(loadedBytes, room);
  return isClear
    ? { estimatedBytes: loadedBytes, plausibleBytes, leastBytes: idleBytes }
    : { estimatedBytes: plausibleBytes, plausibleBytes, leastBytes };
}

/** By so much the memory of a host moves around a load for reasons of its own: measured up to 0.5 MiB. */
const noiseBytes = 1024 * 1024;
/** Models are rarely further from what their structure says. */
const usualMargin = 0.1;

/** What a model in a shared host counts for. `measuredBytes`: by how much the host has grown around its
 *  load, undefined if that is not known. Memory that was free already hides a part of that; and what the
 *  host has taken for itself meanwhile must not be charged to one model, so that a growth beyond what the
 *  structure of the file says counts only where it is too big to be that. */
export function sharedModelBytes(
  { usualBytes, leastBytes, isClear }: ModelFootprint,
  measuredBytes: number | undefined,
): number {
  // Of less than the noise of a host nobody can tell that it is not there.
  const lessening = usualBytes < noiseBytes ? 0 : usualMargin;
  const least = Math.max(leastBytes, usualBytes * (isClear ? 1 - lessening : 0));
  const most = usualBytes * (1 + usualMargin);
  const measured = measuredBytes ?? usualBytes;
  const isNoise = measured > most && measured - most < noiseBytes;
  const bytes = isNoise ? most : Math.max(least, measured);
  return Math.ceil(bytes * sharedHostFactor);
}
