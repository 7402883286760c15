import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelFile } from "../../engine/contract/engine.ts";
import type { Logger } from "../../observe/log.ts";
import { readModelConfiguration } from "./model-configuration.ts";
import { splitVersionedId } from "./model-name.ts";
import type { ModelRecord } from "./model-record.ts";
import { withOwnSettings } from "./model-settings.ts";

/** Applies a model's settings. Precedence: its key, the files beside it, the defaults. `facts` name the model
 *  in the log. Throws like `readModelConfiguration`. */
export async function configureModel(
  record: ModelRecord,
  model: ModelFile,
  to: { readonly defaultSettings: RunSettings; readonly log: Logger; readonly facts: object },
): Promise<void> {
  const configuration = await readModelConfiguration(model);
  record.configuration = configuration;
  const own = { ...configuration.settings, ...record.request.settings };
  record.settings = withOwnSettings(to.defaultSettings, own);
  const { ignored, versionFields } = configuration;
  // What is loaded by its path is one version, whatever lies beside it.
  if (versionFields.length > 0 && splitVersionedId(record.id).version === "") {
    const file = model.settingsFile?.name;
    to.log.warn({ ...to.facts, file, fields: versionFields }, "settings without effect");
  }
  if (ignored.length === 0) return;
  const file = model.tritonConfig?.name;
  to.log.warn({ ...to.facts, file, fields: ignored }, "settings without effect");
}
