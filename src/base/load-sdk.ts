import { RuntimeError } from "./errors.ts";

/** Imports a client library that is installed only where it is used. `name`: the package; `version`: the one
 *  that we test with. Throws "failed-precondition" if it is not installed. */
export function loadSdk<Sdk>(
  name: string,
  version: string,
  load: () => Promise<Sdk>,
): Promise<Sdk> {
  return loadPackages("this kind of storage", { [name]: version }, load);
}

/** The same for several packages, each of which may be missing. `purpose` starts the message. */
export async function loadPackages<Packages>(
  purpose: string,
  versions: Readonly<Record<string, string>>,
  load: () => Promise<Packages>,
): Promise<Packages> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A package that is present but lacks a dependency is broken, which is a different problem.
    const isMissing = Object.keys(versions).some((name) => message.includes(`'${name}'`));
    if (code !== "ERR_MODULE_NOT_FOUND" || !isMissing) throw error;
    const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
    throw new RuntimeError(
      "failed-precondition",
      `${purpose} needs packages that are not installed: run npm install ${wanted.join(" ")}`,
      { cause: error },
    );
  }
}
