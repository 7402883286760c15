import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { allowedActions } from "../state/allowed-actions.ts";
import { loadFromRepository, unloadModel } from "../state/lifecycle.ts";
import type { ModelRow } from "../state/model-rows.ts";
import { usePage } from "../state/page-state.ts";
import { Dialog } from "./dialog.tsx";
import { useTask } from "./use-task.ts";

/** Load and unload buttons where they apply, for clients that may use them; for others the reason why there are
 *  none. */
export function LifecycleButtons({ row }: { row: ModelRow }): JSX.Element {
  const { store } = usePage();
  const [isAsking, setAsking] = useState(false);
  const [task, run] = useTask();
  const { load, unload, whyNone } = allowedActions(store, row);
  const isBusy = task.tag === "running";
  return (
    <>
      <div class="buttons">
        {load && (
          <button
            type="button"
            class="primary"
            disabled={isBusy}
            onClick={() => run(() => loadFromRepository(row.id))}
          >
            {isBusy ? "Loading …" : "Load"}
          </button>
        )}
        {unload && (
          <button type="button" disabled={isBusy} onClick={() => setAsking(true)}>
            {isBusy ? "Unloading …" : "Unload …"}
          </button>
        )}
      </div>
      {whyNone !== "" && <p class="muted">{whyNone}</p>}
      {task.tag === "failed" && (
        <p class="error" role="alert">
          {task.message}
        </p>
      )}
      {isAsking && (
        <Dialog title={`Unload ${row.id}?`} onClose={() => setAsking(false)}>
          <p>
            Requests in flight can finish.{" "}
            {row.version !== "" && "All versions of this model are unloaded. "}
            After that, requests for it fail with “not loaded”.
          </p>
          <div class="buttons">
            <button
              type="button"
              class="danger"
              onClick={() => {
                setAsking(false);
                run(() => unloadModel(row));
              }}
            >
              Unload
            </button>
            <button type="button" onClick={() => setAsking(false)}>
              Keep
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
