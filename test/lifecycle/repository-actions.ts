import { expectLoadRefusal } from "./lifecycle-actions.ts";
import {
  allVersions,
  measuredBytesOf,
  repositoryFolder,
  trueBytesOf,
  versionFolder,
  writeVersion,
} from "./model-files.ts";
import type { World } from "./world.ts";

export function loadFromRepository(world: World, a: number): string {
  const name = world.repositoryNames[a % 5 === 0 ? 0 : 1] ?? "";
  const label = `load ${name} from the repository`;
  const end = world.reference.begin([name]);
  const found = new Set(allVersions.filter((each) => hasVersion(world, each)));
  if (name === "versioned") world.foundVersions.add(found);
  world.callers.start({
    label,
    endsWhenLeft: true,
    make: (signal) => world.manager.loadFromRepository(name, signal),
    judge: (ending) => {
      const isLoaded = ending.tag === "value";
      const wasAlone = end(
        isLoaded ? { tag: "loaded", sizeBytes: sizeOf(world, name) } : { tag: "open" },
      );
      if (ending.tag === "refused") expectLoadRefusal(world, label, ending);
      // Perhaps it had not got to the disk yet: then what an older load has found there still counts.
      if (ending.tag === "left") world.foundVersions.delete(found);
      if (!isLoaded || !wasAlone || name !== "versioned") return;
      for (const version of allVersions) {
        world.violations.expect(
          world.manager.isModelReady(name, version) === hasVersion(world, version),
          "a model of the repository has the versions that are on disk",
          () => `version ${version} after ${label}`,
        );
      }
    },
  });
  return label;
}

export function unloadFromRepository(world: World, a: number): string {
  const name = world.repositoryNames[a % 5 === 0 ? 0 : 1] ?? "";
  const label = `unload ${name} of the repository`;
  const generations = world.generationsOf(name);
  const end = world.reference.begin([name]);
  world.callers.start({
    label,
    endsWhenLeft: false,
    make: () =>
      world.ending(world.setup.drainTimeoutMs, () => world.manager.unloadFromRepository(name)),
    judge: (ending) => {
      end(ending.tag === "value" ? { tag: "absent" } : undefined);
      if (ending.tag === "value") {
        world.expectGone(generations, "an unload is answered when nothing is left");
      }
      world.violations.expect(
        (ending.tag === "value") === generations.length > 0,
        "the repository unloads what is loaded, and says so of all else",
        () => `${label}: ${ending.tag}`,
      );
    },
  });
  return label;
}

/** A version comes, goes or changes while the runtime is running. A disk that answers at once has answered
 *  before. */
export async function changeRepository(world: World, a: number): Promise<string> {
  await world.react();
  const version = allVersions[a % allVersions.length] ?? "1";
  const isLast = allVersions.filter((each) => hasVersion(world, each)).length === 1;
  world.reference.disturb(["versioned"]);
  if (hasVersion(world, version) && !isLast && a % 2 === 0) {
    world.disk.remove(versionFolder(version));
    return `version ${version} leaves the repository`;
  }
  writeVersion(world.disk, version);
  return `version ${version} is written to the repository`;
}

export function index(world: World): string {
  world.callers.start({
    label: "index",
    endsWhenLeft: false,
    make: () => world.manager.index(),
    judge: (ending) => {
      // A disk that is slow may also fail, or change under the one who reads it.
      if (ending.tag !== "value") {
        world.violations.expect(world.setup.isDiskSlow, "the index can be read", () => ending.tag);
        return;
      }
      const names = ending.value.map(({ name, version }) => `${name} ${version}`);
      world.violations.expect(
        new Set(names).size === names.length,
        "the index has every version once",
        () => names.join(", "),
      );
    },
  });
  return "index";
}

function hasVersion(world: World, version: string): boolean {
  return world.disk.has(versionFolder(version));
}

/** What the model counts for by the version that is answered by; which measurement of it was told first does
 *  not matter. */
function sizeOf(world: World, name: string): number {
  const highest = allVersions.findLast((version) => hasVersion(world, version));
  const path =
    name === "versioned" ? versionFolder(highest ?? "") : `${repositoryFolder}/plain.onnx`;
  const known = [true, false].map((isReload) => measuredBytesOf(path, isReload));
  return known.find((bytes) => isTold(world, name, bytes)) ?? trueBytesOf(path) ?? 0;
}

function isTold({ manager }: World, name: string, bytes: number): boolean {
  return manager.isModelReady(name) && manager.size(name) === bytes;
}
