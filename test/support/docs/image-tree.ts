import { chown, cp, lstat, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { projectRoot } from "../servers/served.ts";

/** What the Dockerfile says of the image that it makes. */
export interface ImageFacts {
  readonly userId: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly healthcheck: readonly string[];
}

const modulesFolder = "node_modules";
const cacheFolder = ".compile-cache";

/** That of the image: the default target is `FROM runtime`, and nothing more. */
async function lastStage(): Promise<string> {
  const dockerfile = await readFile(join(projectRoot, "Dockerfile"), "utf8");
  const [stage = ""] = /^FROM \S+ AS runtime$.*?(?=^FROM )/ms.exec(dockerfile) ?? [];
  return stage.replaceAll(/\\\n\s*/g, "");
}

export async function readImageFacts(): Promise<ImageFacts> {
  const stage = await lastStage();
  const one = (pattern: RegExp): string => {
    const [, found] = pattern.exec(stage) ?? [];
    if (found === undefined) throw new Error(`the Dockerfile has no ${pattern}`);
    return found;
  };
  return {
    userId: Number(one(/^ARG USER_ID=(\d+)$/m)),
    environment: Object.fromEntries(
      [...stage.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    ),
    entrypoint: JSON.parse(one(/^ENTRYPOINT (\[.*\])$/m)) as string[],
    healthcheck: JSON.parse(one(/^HEALTHCHECK .*CMD (\[.*\])$/m)) as string[],
  };
}

/** Puts what the Dockerfile copies into `folder`, its /app. Modules are linked, being those of this
 *  checkout; so is the dashboard left out, which is built elsewhere. `ownerId` may write the compile cache. */
export async function layImage(folder: string, ownerId: number | undefined): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [, list = "", target = ""] of (await lastStage()).matchAll(
    /^COPY (?!--)(.+) (\S+)$/gm,
  )) {
    for (const source of list.split(" ")) {
      const name = target.endsWith("/") ? join(target, basename(source)) : target;
      await cp(join(projectRoot, source), join(folder, name), { recursive: true });
    }
  }
  await symlink(join(projectRoot, modulesFolder), join(folder, modulesFolder));
  await mkdir(join(folder, cacheFolder));
  if (ownerId !== undefined) await chown(join(folder, cacheFolder), ownerId, ownerId);
}

/** Each file and folder of the image that must not change, with what shows that it has: a line each. */
export async function fingerprint(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(folder, cacheFolder)))
    .map(async (path) => {
      const { size, mtimeMs } = await lstat(path);
      return `${path} ${size} ${mtimeMs}`;
    });
  return (await Promise.all(lines)).sort();
}
