import {
  JoiningState,
  ModelState,
  type ModelStatus,
  SignatureState,
} from "../../gen/modelport/v1/runtime_watch_pb.ts";

const stateNames = {
  [ModelState.UNSPECIFIED]: "unknown",
  [ModelState.QUEUED]: "queued",
  [ModelState.LOADING]: "loading",
  [ModelState.READY]: "ready",
  [ModelState.RELOADING]: "reloading",
  [ModelState.DRAINING]: "draining",
  [ModelState.UNLOADING]: "unloading",
  [ModelState.FAILED]: "failed",
} as const;

export type StateName = (typeof stateNames)[keyof typeof stateNames];

/** A newer runtime may have states that this client does not know. */
export function stateName(state: ModelState): StateName {
  return state in stateNames ? stateNames[state as keyof typeof stateNames] : "unknown";
}

const joiningNames: Readonly<Record<JoiningState, string>> = {
  [JoiningState.UNSPECIFIED]: "unknown",
  [JoiningState.PROVEN]: "proven",
  [JoiningState.PROMISED]: "promised",
  [JoiningState.OFF]: "off",
};

/** Whether a model's requests are batched, and why; undefined if unknown. */
export function joiningText({ joining }: ModelStatus): string | undefined {
  if (joining === undefined) return undefined;
  return `${joiningNames[joining.state] ?? joiningNames[JoiningState.UNSPECIFIED]}: ${joining.reason}`;
}

/** What is known about the signature of a model's files; undefined if it was not checked. */
export function signatureText({ signature }: ModelStatus): string | undefined {
  switch (signature?.state) {
    case undefined:
      return undefined;
    case SignatureState.VERIFIED:
      return `verified: ${signature.signer}`;
    case SignatureState.UNSIGNED:
      return `unsigned: ${signature.reason}`;
    case SignatureState.REFUSED:
      return `refused: ${signature.reason}`;
    default:
      return "unknown";
  }
}
