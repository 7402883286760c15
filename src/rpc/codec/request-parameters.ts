import type { RequestParameters } from "../../service/contract/models.ts";

/** Those parameters of a request that are single values; undefined if there are none. Integers beyond 2^53 are
 *  rounded: no parameter that is read is so large. */
export function requestParameters(
  entries: Iterable<readonly [name: string, value: unknown]>,
): RequestParameters | undefined {
  let parameters: Record<string, string | number | boolean> | undefined;
  for (const [name, sent] of entries) {
    const value = typeof sent === "bigint" ? Number(sent) : sent;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      continue;
    }
    parameters ??= Object.create(null) as Record<string, string | number | boolean>;
    parameters[name] = value;
  }
  return parameters;
}
