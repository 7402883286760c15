import { RuntimeError } from "../../base/errors.ts";

/** The number of classes that an output's parameter "classification" requests; undefined for none, which 0 also
 *  means. Throws "invalid-argument" for anything but a count. */
export function requestedClasses(parameter: unknown, output: string): number | undefined {
  if (parameter === undefined || parameter === null) return undefined;
  const count = typeof parameter === "bigint" ? Number(parameter) : parameter;
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 0) {
    throw new RuntimeError(
      "invalid-argument",
      `classification of output '${output}' must be a number of classes`,
    );
  }
  return count === 0 ? undefined : count;
}
