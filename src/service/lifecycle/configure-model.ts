import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelFile } from "../../engine/contract/engine.ts";
import type { IgnoredFields } from "./ignored-fields.ts";
import { readModelConfiguration } from "./model-configuration.ts";
import { splitVersionedId } from "./model-name.ts";
import type { ModelRecord } from "./model-record.ts";
import { withOwnSettings } from "./model-settings.ts";

/** Applies a model's settings. Precedence: its key, the files beside it, the defaults. `facts` name the model
 *  in the log. Throws like `readModelConfiguration`. */
export async function configureModel(
  record: ModelRecord,
  model: ModelFile,
  to: {
    readonly defaultSettings: RunSettings;
    readonly ignoredFields: IgnoredFields;
    readonly facts: object;
  },
): Promise<void> {
  const configuration = await readModelConfiguration(model);
  record.configuration = configuration;
  const own = { ...configuration.settings, ...record.request.settings };
  record.settings = withOwnSettings(to.defaultSettings, own);
  const { versionFields } = configuration;
  const settingsFile = model.settingsFile?.name;
  // What is loaded by its path is one version, whatever lies beside it.
  if (settingsFile !== undefined && splitVersionedId(record.id).version === "") {
    to.ignoredFields.note(settingsFile, versionFields, to.facts);
  }
  const file = model.tritonConfig?.name;
  if (file !== undefined) to.ignoredFields.note(file, configuration.ignored, to.facts);
}
