import { RuntimeError } from "../errors.ts";

// Why a host ends, or what was asked of it does.

export function cancelled(): RuntimeError {
  return new RuntimeError("cancelled", "the load was given up");
}

export function killedFor(why: string): RuntimeError {
  return new RuntimeError("host-lost", `the engine host was killed: ${why}`);
}

/** The host was lost before it came to the model, which thus had no part in it. */
export function notReached(error: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
  return new RuntimeError("temporarily-unavailable", error.message, { cause: error });
}
