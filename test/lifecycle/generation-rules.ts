import { RuntimeError } from "../../src/base/errors.ts";
import { splitVersionedId } from "../../src/service/lifecycle/model-name.ts";
import { checkBooks } from "./invariants.ts";
import type { Station, Watched } from "./record-watch.ts";
import { loadLimitMs, type World } from "./world.ts";

/** What holds of every single step of a generation. */
export function checkStep(world: World, watched: Watched, from: Station): void {
  checkBooks(world);
  const { violations } = world;
  const { station, record } = watched;
  if (station === "draining") {
    violations.expect(
      isEndedByCall(world, watched),
      "a model is taken down only by a call or by its successor",
      () => watched.name,
    );
  }
  const { state } = record;
  const refusal =
    state.tag === "failed" && state.reason instanceof RuntimeError ? state.reason.kind : undefined;
  if (refusal === "cancelled" || (station === "unloading" && from !== "draining")) {
    const isTimeUp = world.clock.nowMs >= watched.loadSinceMs + loadLimitMs;
    const isWanted = [...watched.callers].some((signal) => !signal.aborted);
    violations.expect(
      isEndedByCall(world, watched) || isTimeUp || (from !== "reloading" && !isWanted),
      "a load is stopped only by a call, its limit, its successor, or the last of its callers",
      () => `${watched.name} is stopped while it is ${from}`,
    );
  }
  if (refusal === "over-budget" && station === "failed" && !isTooBig(watched)) {
    const releasing = [...world.watch.present()].find(
      (other) => releasingStations.has(other.station) && world.isOlderThanEvent(other),
    );
    violations.expect(
      releasing === undefined,
      "a load waits for memory that is about to come free",
      () => `${watched.name} is refused while ${releasing?.name} is ${releasing?.station}`,
    );
  }
}

const releasingStations: ReadonlySet<Station> = new Set(["loading", "draining", "unloading"]);

/** By a call that is being made, by a newer load of its id that is still wanted, or by a load from the
 *  repository which has found that its version is gone, unless a newer one has found it there. */
function isEndedByCall(world: World, watched: Watched): boolean {
  const newest = world.watch.registry.newest(watched.record.id);
  const isReplaced = newest !== watched.record && newest?.isComing === true;
  const { name, version } = splitVersionedId(watched.record.id);
  const isReread =
    world.callers.openLabels.includes(`load ${name} from the repository`) &&
    (world.setup.isDiskSlow || [...world.foundVersions].at(-1)?.has(version) !== true);
  return world.isEnding || isReplaced || isReread;
}

/** The source is known only of loads that would fit into an empty runtime. */
function isTooBig({ record }: Watched): boolean {
  return record.source === undefined;
}
