import { RuntimeError } from "./errors.ts";

/** Imports a client library that is installed only where it is used. `name`: of the package; `version`: the
 *  one that we are tested with. Throws "failed-precondition" if it is not installed. */
export function loadSdk<Sdk>(
  name: string,
  version: string,
  load: () => Promise<Sdk>,
): Promise<Sdk> {
  return loadPackages("this kind of storage", { [name]: version }, load);
}

/** The same for several packages, of which each may be missing. `purpose` starts the message. */
export async function loadPackages<Packages>(
  purpose: string,
  versions: Readonly<Record<string, string>>,
  load: () => Promise<Packages>,
): Promise<Packages> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A package that is there but lacks one of its own is broken, which is another story.
    const isMissing = Object.keys(versions).some((name) => message.includes(`'${name}'`));
    if (code !== "ERR_MODULE_NOT_FOUND" || !isMissing) throw error;
    const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
    throw new RuntimeError(
      "failed-precondition",
      `${purpose} needs what is not installed: npm install ${wanted.join(" ")}`,
      { cause: error },
    );
  }
}
