import type { ErrorKind } from "../../../src/base/errors.ts";

// A kind that is missing here does not compile.
const everyKind: Record<ErrorKind, true> = {
  "invalid-argument": true,
  "failed-precondition": true,
  "model-not-found": true,
  "model-not-ready": true,
  "over-budget": true,
  overloaded: true,
  cancelled: true,
  aborted: true,
  "deadline-exceeded": true,
  "load-failed": true,
  "run-failed": true,
  "host-lost": true,
  "temporarily-unavailable": true,
  unauthenticated: true,
  "permission-denied": true,
  "shutting-down": true,
  "illegal-transition": true,
};

/** Every kind of error that there is. */
export const errorKinds = Object.keys(everyKind) as readonly ErrorKind[];
