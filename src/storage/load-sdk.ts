import { RuntimeError } from "../errors.ts";

/** Imports a client library that is installed only where it is used. `name`: of the package; `version`: the
 *  one that we are tested with. Throws "failed-precondition" if it is not installed. */
export async function loadSdk<Sdk>(
  name: string,
  version: string,
  load: () => Promise<Sdk>,
): Promise<Sdk> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A package that is there but lacks one of its own is broken, which is another story.
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${name}'`)) throw error;
    throw new RuntimeError(
      "failed-precondition",
      `this kind of storage needs the package ${name}, which is not installed: npm install ${name}@${version}`,
      { cause: error },
    );
  }
}
