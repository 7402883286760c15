import type { TensorSpec } from "../../base/tensor.ts";

/** What metadata says of an input or an output beside its name, datatype and shape; undefined if nothing. */
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
