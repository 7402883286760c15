import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { loadModel } from "../state/lifecycle.ts";
import { usePage } from "../state/page-state.ts";
import { Dialog } from "./dialog.tsx";
import { useTask } from "./use-task.ts";

/** Asks for what loadModel needs, and loads it; only for clients that may. */
export function LoadModelButton(): JSX.Element | null {
  const { store } = usePage();
  const [isOpen, setOpen] = useState(false);
  if (!store.mayChangeModels.value) return null;
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Load a model …
      </button>
      {isOpen && <LoadModelDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function LoadModelDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const [task, run] = useTask();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const field = (name: string) => String(form.get(name) ?? "").trim();
    run(async () => {
      await loadModel({
        modelId: field("id"),
        modelType: field("type"),
        modelPath: field("path"),
      });
      onClose();
    });
  };
  return (
    <Dialog title="Load a model" onClose={onClose}>
      <form onSubmit={submit} class="form">
        <label>
          Id
          <input name="id" required={true} autocomplete="off" />
        </label>
        <label>
          Path
          <input name="path" required={true} autocomplete="off" aria-describedby="path-hint" />
          <small id="path-hint" class="muted">
            A path on the server; relative paths start at its model directory.
          </small>
        </label>
        <label>
          Type
          <input name="type" value="mt:onnx" autocomplete="off" />
        </label>
        {task.tag === "failed" && (
          <p class="error" role="alert">
            {task.message}
          </p>
        )}
        <div class="buttons">
          <button type="submit" class="primary" disabled={task.tag === "running"}>
            {task.tag === "running" ? "Loading …" : "Load"}
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </form>
    </Dialog>
  );
}
