import type { JsonObject } from "@bufbuild/protobuf";
import { RuntimeError } from "../../base/errors.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";
import type { Models } from "../../service/contract/models.ts";
import type { TextCalls } from "../../service/contract/text.ts";

/** A model as Caikit describes it. */
export interface ModelInfo {
  readonly name: string;
  /** Bytes of memory; undefined until it is loaded. */
  readonly size: number | undefined;
  readonly metadata: JsonObject | undefined;
  readonly loaded: boolean;
}

export interface InfoParts {
  readonly models: Pick<Models, "index" | "describe" | "size">;
  readonly texts: Pick<TextCalls, "serving">;
}

/** The models that are loaded or being loaded: all, or those of these names. Throws "model-not-found" if one of them is
 *  not among them. */
export async function modelInfos(
  { models, texts }: InfoParts,
  names: readonly string[],
): Promise<readonly ModelInfo[]> {
  const states = new Map<string, boolean>();
  for (const { name, state } of await models.index()) {
    if (state === "READY" || state === "LOADING") {
      states.set(name, states.get(name) === true || state === "READY");
    }
  }
  const wanted = names.length === 0 ? [...states.keys()] : names;
  const facts = new Map(texts.serving().map((text) => [text.id, text.facts]));
  return wanted.map((name) => {
    const loaded = states.get(name);
    if (loaded === undefined) {
      throw new RuntimeError("model-not-found", `model '${name}' is not loaded`);
    }
    const nothing = { name, size: undefined, metadata: undefined, loaded: false };
    return loaded ? (infoOf(models, name, facts.get(name)) ?? nothing) : nothing;
  });
}

/** Undefined if the model was unloaded meanwhile. */
function infoOf(
  models: InfoParts["models"],
  name: string,
  facts: TextFacts | undefined,
): ModelInfo | undefined {
  try {
    const { platform } = models.describe(name, "");
    const metadata = { platform, ...(facts && metadataOf(facts)) };
    return { name, size: models.size(name), metadata, loaded: true };
  } catch (reason) {
    if (reason instanceof RuntimeError) return undefined;
    throw reason;
  }
}

function metadataOf(facts: TextFacts): JsonObject {
  const { task, architecture, dimensions, labels, maxTokens, pooling } = facts;
  return {
    task,
    architecture,
    max_tokens: maxTokens,
    ...(dimensions !== undefined && { dimensions }),
    ...(pooling !== undefined && { pooling }),
    ...(labels.length > 0 && { labels: [...labels] }),
  };
}
