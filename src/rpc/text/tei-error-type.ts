import { Code } from "@connectrpc/connect";

const types: Readonly<Partial<Record<Code, string>>> = {
  [Code.InvalidArgument]: "Validation",
  [Code.FailedPrecondition]: "Validation",
  [Code.NotFound]: "Validation",
  [Code.ResourceExhausted]: "Overloaded",
  [Code.Unavailable]: "Unhealthy",
};

/** The nearest of TEI's words for what went wrong. */
export function teiErrorType(code: Code): string {
  return types[code] ?? "Backend";
}
