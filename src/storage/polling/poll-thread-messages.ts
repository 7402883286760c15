import type { ErrorKind } from "../../base/errors.ts";
import type { RepositoryScan } from "./scan-repository.ts";

export interface PollThreadSetup {
  /** Absolute. */
  readonly directory: string;
}

export type PollThreadAnswer =
  | { readonly scan: RepositoryScan }
  | { readonly failure: { readonly kind: ErrorKind; readonly message: string } };
