import type { HostModel } from "../../contract/host-engine.ts";
import type { HeldFiles } from "../external/held-files.ts";
import { asItIs } from "../rewrite/load-plan.ts";
// Importing it starts ONNX Runtime.
import "./onnx-engine.ts";
import { OnnxModel } from "./onnx-model.ts";
import { openSession } from "./open-session.ts";

/** A model that was made in memory, with weights in files. */
export interface OnnxBytes {
  readonly bytes: Uint8Array;
  /** The path that stands for it in messages. */
  readonly name: string;
  /** The paths of its data files, without links, by the locations that it has for them. */
  readonly dataFiles: Readonly<Record<string, string>>;
  readonly threads: number;
  /** As in `SessionTerms`. */
  readonly isMapped: boolean;
}

/** Loads it as it is. Its data files are opened as `held` has them. Throws as `HostEngine.load`. */
export function loadOnnxBytes(model: OnnxBytes, held: HeldFiles): HostModel {
  const { bytes, name, dataFiles, threads, isMapped } = model;
  const content = { file: name, heldFile: name, bytes };
  const hasDataFiles = Object.keys(dataFiles).length > 0;
  const access = { hasDataFiles, dataFiles };
  const session = openSession(content, held, { threads, access, isMapped });
  try {
    held.confirm();
    return new OnnxModel(session, asItIs);
  } catch (error) {
    session.dispose();
    throw error;
  }
}
