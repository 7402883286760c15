import type { ModelSize } from "../../src/service/contract/models.ts";
import type { Ending } from "./callers.ts";
import { askedPaths, capacityBytes, isClear, isSizeOf, trueBytesOf } from "./model-files.ts";
import type { Expected } from "./reference-model.ts";
import type { World } from "./world.ts";

/** How long runs go on when a status call ends their models. */
const purgeDrainMs = 500;
const statusPatienceMs = 1000;

const loadRefusals: ReadonlySet<string> = new Set([
  "invalid-argument",
  "failed-precondition",
  "over-budget",
  "load-failed",
  "host-lost",
  "temporarily-unavailable",
  "deadline-exceeded",
  "cancelled",
  "aborted",
  "shutting-down",
]);

export function load(world: World, a: number, b: number): string {
  const { manager, reference, violations } = world;
  const id = world.ownIds[a % world.ownIds.length] ?? "";
  const path = askedPaths[b % askedPaths.length] ?? "";
  const label = `load ${id} from ${path}`;
  const sizeBytes = trueBytesOf(path);
  const before = reference.expected(id);
  const end = reference.begin([id]);
  const wasClosed = world.isClosed;
  let leave: () => unknown = () => {};
  let isMeasured = () => false;
  world.callers.start({
    label,
    endsWhenLeft: true,
    make: (signal) => {
      const answer = manager.load({ id, path, type: "mt:onnx", key: "" }, signal);
      const generation = wasClosed ? undefined : world.generationsOf(id).at(-1);
      if (generation !== undefined) {
        generation.callers.add(signal);
        leave = () => generation.callers.delete(signal);
        // One with a host of its own because others died is bigger by that than the next one will be.
        isMeasured = () => !generation.record.isIsolated;
      }
      return answer;
    },
    judge: (ending) => {
      leave();
      const wasAlone = end(leftByLoad(ending));
      if (ending.tag === "value") {
        violations.expect(!wasClosed, "nothing is loaded once all is closed", () => label);
        violations.expect(
          isSizeOf(path, ending.value.sizeBytes),
          "a load is answered with the size of the very file",
          () => `${label}: ${ending.value.sizeBytes}`,
        );
        if (isMeasured()) world.loadedPaths.add(path);
      }
      if (ending.tag !== "refused") return;
      expectLoadRefusal(world, label, ending);
      violations.expect(
        sizeBytes === undefined || isClear(path) || !ending.message.includes("the whole capacity"),
        "a load is refused ahead only if it is clear that it does not fit",
        () => `${label}: ${ending.message}`,
      );
      violations.expect(
        !(wasAlone && before.tag === "loaded" && isSizeOf(path, before.sizeBytes)),
        "a load of what is loaded succeeds",
        () => `${label}: ${ending.message}`,
      );
    },
  });
  return label;
}

/** What a load that ended so has left. A caller may have left in the very moment of success. */
function leftByLoad(ending: Ending<ModelSize>): Expected | undefined {
  if (ending.tag === "left") return { tag: "open" };
  return ending.tag === "value" ? { tag: "loaded", sizeBytes: ending.value.sizeBytes } : undefined;
}

export function expectLoadRefusal(
  world: World,
  label: string,
  { kind, message }: { readonly kind: string; readonly message: string },
): void {
  world.violations.expect(
    loadRefusals.has(kind) && (kind !== "shutting-down" || world.isClosed),
    "a load fails for a reason that loads have",
    () => `${label}: ${kind}, ${message}`,
  );
}

export function unload(world: World, a: number): string {
  const id = world.ids[a % world.ids.length] ?? "";
  const generations = world.generationsOf(id);
  const end = world.reference.begin([id]);
  const label = `unload ${id}`;
  world.callers.start({
    label,
    endsWhenLeft: false,
    make: () => world.ending(world.setup.drainTimeoutMs, () => world.manager.unload(id)),
    judge: (ending) => {
      end({ tag: "absent" });
      world.expectGone(generations, "an unload is answered when nothing is left");
      world.violations.expect(
        ending.tag === "value",
        "an unload succeeds always",
        () => `${label}: ${ending.tag}`,
      );
    },
  });
  return label;
}

export function status(world: World): string {
  const { clock, manager, violations } = world;
  const wasReady = manager.ready;
  const generations = [...world.watch.present()].filter(({ record }) => !record.pinned);
  const end = world.reference.begin(world.ownIds);
  const startMs = clock.nowMs;
  world.callers.start({
    label: "status",
    endsWhenLeft: false,
    make: () => world.ending(purgeDrainMs, () => manager.status()),
    judge: (ending) => {
      const isReady = ending.tag === "value" && ending.value.ready;
      end(isReady ? { tag: "absent" } : undefined);
      if (isReady) world.expectGone(generations, "status is ready when the old models are gone");
      violations.expect(
        ending.tag === "value" && clock.nowMs - startMs <= statusPatienceMs,
        "a status call is answered within a second",
        () => `${ending.tag} after ${clock.nowMs - startMs} ms`,
      );
      violations.expect(
        isReady || !wasReady || generations.length > 0,
        "status is ready if the engine is and nothing has to go",
        () => `${ending.tag}`,
      );
    },
  });
  return "status";
}

export function close(world: World, _a: number, b: number): string {
  const drainMs = b < 50 ? 0 : 300;
  const generations = [...world.watch.present()];
  const end = world.reference.begin(world.ids);
  world.isClosed = true;
  world.callers.start({
    label: "close",
    endsWhenLeft: false,
    make: () => world.ending(drainMs, () => world.manager.close(drainMs)),
    judge: (ending) => {
      end({ tag: "absent" });
      world.expectGone(generations, "closing ends when nothing is left");
      world.violations.expect(ending.tag === "value", "closing succeeds", () => ending.tag);
    },
  });
  return `close, with ${drainMs} ms to drain`;
}

/** Asks for the size of a file before it is loaded, as ModelMesh does. */
export function predictSize(world: World, a: number, b: number): string {
  const path = askedPaths[b % askedPaths.length] ?? "";
  const label = `predictSize of ${path}`;
  const isKnown = world.loadedPaths.has(path) && !world.setup.isDiskSlow;
  world.callers.start({
    label,
    endsWhenLeft: false,
    make: () => world.manager.predictSize({ id: `m${a}`, path, type: "mt:onnx", key: "" }),
    judge: (ending) => {
      const bytes = ending.tag === "value" ? ending.value : Number.NaN;
      world.violations.expect(
        bytes >= 16 * 1024 && bytes <= capacityBytes && (!isKnown || isSizeOf(path, bytes)),
        "a prediction is within bounds, and for what has been loaded the size of that",
        () => `${label}: ${bytes}, measured ${isKnown ? trueBytesOf(path) : "never"}`,
      );
    },
  });
  return label;
}
