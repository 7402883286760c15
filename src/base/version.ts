import manifest from "../../package.json" with { type: "json" };

/** The version of this program. */
export const version: string = manifest.version;

/** Name and version of the engine, which is pinned. */
export const engineVersion = `onnxruntime ${manifest.dependencies["onnxruntime-node"]}`;
