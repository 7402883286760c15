import { RuntimeError } from "../../base/errors.ts";
import type { ModelStateTag } from "../contract/runtime-feed.ts";

/** The life of one generation of a model, with the data of each step. */
export type ModelState =
  /** Waits for its predecessor, for memory and for its turn. */
  | { readonly tag: "queued" }
  /** The engine is loading it. `reservedBytes` is an upper bound. */
  | { readonly tag: "loading"; readonly reservedBytes: number }
  | { readonly tag: "ready"; readonly sizeBytes: number }
  /** Its host died of `reason`; the same model is being loaded into another one. Requests wait. */
  | { readonly tag: "reloading"; readonly sizeBytes: number; readonly reason: unknown }
  /** Accepts nothing new, and finishes what it runs. */
  | { readonly tag: "draining"; readonly sizeBytes: number }
  /** The engine frees the memory of a loaded model, or of a stopped load. */
  | { readonly tag: "unloading"; readonly heldBytes: number; readonly reason: unknown }
  /** Ended without being unloaded: refused, failed, or dropped from the queue. Holds nothing. */
  | { readonly tag: "failed"; readonly reason: unknown };

/** Every legal step. A generation ends in "failed", or leaves the registry when "unloading" is done. */
export const nextStates: Readonly<Record<ModelStateTag, readonly ModelStateTag[]>> = {
  queued: ["loading", "failed"],
  loading: ["ready", "unloading", "failed"],
  ready: ["draining", "reloading"],
  reloading: ["ready", "unloading", "failed"],
  draining: ["unloading"],
  unloading: [],
  failed: [],
};

export const modelStates = Object.keys(nextStates) as readonly ModelStateTag[];

/** Whether a generation that ended for `reason` was ended on purpose: unloaded, replaced, given up. */
export function isWantedEnd(reason: unknown): boolean {
  if (!(reason instanceof RuntimeError)) return false;
  return ["cancelled", "aborted", "shutting-down"].includes(reason.kind);
}

export function advance(from: ModelState, to: ModelState): ModelState {
  if (nextStates[from.tag].includes(to.tag)) return to;
  throw new RuntimeError("illegal-transition", `a ${from.tag} model cannot become ${to.tag}`);
}

/** Bytes of the budget that a model in this state takes. */
export function heldBytes(state: ModelState): number {
  switch (state.tag) {
    case "queued":
    case "failed":
      return 0;
    case "loading":
      return state.reservedBytes;
    case "ready":
    case "reloading":
    case "draining":
      return state.sizeBytes;
    case "unloading":
      return state.heldBytes;
  }
}

/** Whether the memory of this state may become free without an unload. */
export function isReleasing(state: ModelState): boolean {
  return state.tag === "loading" || state.tag === "draining" || state.tag === "unloading";
}
