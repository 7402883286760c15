import type { ComponentType, FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";

type Progress<Props> =
  | { readonly tag: "coming" }
  | { readonly tag: "here"; readonly Part: ComponentType<Props> }
  | { readonly tag: "failed" };

/** A part whose code is fetched by `load` when it is first shown, and not before. */
export function latePart<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): FunctionComponent<Props> {
  let known: ComponentType<Props> | undefined;
  return function LatePart(props: Props) {
    const [progress, setProgress] = useState<Progress<Props>>(
      known === undefined ? { tag: "coming" } : { tag: "here", Part: known },
    );
    useEffect(() => {
      if (known !== undefined) return;
      load().then(
        (Part) => {
          known = Part;
          setProgress({ tag: "here", Part });
        },
        () => setProgress({ tag: "failed" }),
      );
    }, []);
    if (progress.tag === "here") return <progress.Part {...props} />;
    if (progress.tag === "coming") return null;
    return (
      <div class="card" role="alert">
        <p>This part of the page did not come: the server may have been replaced by a newer one.</p>
        <p class="buttons">
          <button type="button" onClick={() => location.reload()}>
            Load the page again
          </button>
        </p>
      </div>
    );
  };
}
