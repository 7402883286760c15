import type { JSX } from "preact";
import type { ModelRow } from "../state/model-rows.ts";

/** A state as a word with a mark; colour alone never distinguishes states. */
export function StateLabel({ state, reason }: Pick<ModelRow, "state" | "reason">): JSX.Element {
  return (
    <span class={`state state-${state.replace(" ", "-")}`} title={reason}>
      {state}
    </span>
  );
}
