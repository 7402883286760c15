import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelMetadata } from "../../engine/contract/engine.ts";
import { tabularView } from "../tabular/tabular-view.ts";
import { textMetadata } from "../text/text-metadata.ts";

/** What clients are told about a loaded model. */
export function describedOf(
  { metadata }: { readonly metadata: ModelMetadata },
  settings: Pick<RunSettings, "outputNames">,
): ModelMetadata {
  return tabularView(metadata, settings)?.described ?? textMetadata(metadata) ?? metadata;
}
