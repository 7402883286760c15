import type { TensorSpec } from "../../base/tensor.ts";

/** Metadata of an input or output beyond its name, datatype and shape; undefined if there is none. */
export function tensorParameters({
  hasAnyRank,
  isOptional,
  parameters,
}: TensorSpec): Readonly<Record<string, string | boolean>> | undefined {
  if (!hasAnyRank && !isOptional && parameters === undefined) return undefined;
  return {
    ...(hasAnyRank && { unknown_rank: true }),
    ...(isOptional && { optional: true }),
    ...parameters,
  };
}
