import { useState } from "preact/hooks";

export type TaskState =
  | { readonly tag: "idle" }
  | { readonly tag: "running" }
  | { readonly tag: "failed"; readonly message: string };

/** One task at a time that may fail, and its state. */
export function useTask(): readonly [TaskState, (work: () => Promise<void>) => void] {
  const [state, setState] = useState<TaskState>({ tag: "idle" });
  const run = (work: () => Promise<void>): void => {
    if (state.tag === "running") return;
    setState({ tag: "running" });
    work().then(
      () => setState({ tag: "idle" }),
      (error: unknown) => {
        setState({
          tag: "failed",
          message: error instanceof Error ? error.message : String(error),
        });
      },
    );
  };
  return [state, run];
}
