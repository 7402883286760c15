import { type Signal, signal } from "@preact/signals";
import type { ComponentType, FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";

type Progress<Props> =
  | { readonly tag: "missing" | "coming" | "failed" }
  | { readonly tag: "here"; readonly Part: ComponentType<Props> };

/** A part whose code is fetched by `load`: when it is first shown, or earlier by the second function, which
 *  does not reject. Once loaded it stays, whatever becomes of the server. */
export function latePart<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): readonly [FunctionComponent<Props>, () => Promise<void>] {
  const progress: Signal<Progress<Props>> = signal({ tag: "missing" });
  const fetchPart = async (): Promise<void> => {
    const { tag } = progress.value;
    if (tag === "coming" || tag === "here") return;
    progress.value = { tag: "coming" };
    try {
      progress.value = { tag: "here", Part: await load() };
    } catch {
      progress.value = { tag: "failed" };
    }
  };
  function LatePart(props: Props) {
    useEffect(() => void fetchPart(), []);
    const now = progress.value;
    if (now.tag === "here") return <now.Part {...props} />;
    return now.tag === "failed" ? <PartMissing /> : null;
  }
  return [LatePart, fetchPart];
}

function PartMissing() {
  return (
    <div class="card form" role="alert">
      <p>
        This part of the page failed to load. The server may be running a different version now.
      </p>
      <div class="buttons">
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </div>
    </div>
  );
}
