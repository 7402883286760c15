import { binding } from "onnxruntime-node/dist/binding.js";
import type { HostEngine } from "../../contract/host-engine.ts";
import { HeldFiles } from "../external/held-files.ts";
import { planLoad } from "../rewrite/load-plan.ts";
import { localeProbe } from "../rewrite/locale-probe.ts";
import { OrtValue } from "../types/ort-value.ts";
import { OnnxModel } from "./onnx-model.ts";
import { logSeverity, openSession, type Session, useCuda } from "./open-session.ts";
import { smallestModel } from "./smallest-model.ts";

type OrtTensorConstructor = Parameters<typeof binding.initOrtOnce>[1];
type OrtFeeds = Parameters<Session["run"]>[0];

// The declared type asks for the whole public Tensor; the binding only ever calls the constructor.
binding.initOrtOnce(logSeverity, OrtValue as unknown as OrtTensorConstructor, true);

// A process's first session costs 1.3 MB and 15 ms more than later ones. Paid here, before the host is ready,
// this is not attributed to the first model.
const firstSession = new binding.InferenceSession();
const { buffer, byteOffset, byteLength } = smallestModel;
firstSession.loadModel(buffer, byteOffset, byteLength, { logSeverityLevel: logSeverity });
firstSession.run(
  { x: new OrtValue("float32", new Float32Array(1), [1]) } as unknown as OrtFeeds,
  { y: null },
  {},
);
firstSession.dispose();

/** ONNX Runtime, on the CPU unless `useCuda` was called. Blocks while it loads and runs. */
export const onnxEngine: HostEngine = {
  useCuda,
  load(file, { threads, access = {} }) {
    const held = new HeldFiles(access.roots);
    try {
      const heldFile = held.hold(file);
      const plan = planLoad(heldFile, hasLocale);
      const content = { file, heldFile, bytes: plan.bytes };
      const session = openSession(content, held, { threads, access });
      try {
        held.confirm();
        return new OnnxModel(session, plan);
      } catch (error) {
        // A session that is merely dropped keeps its memory until some garbage collection.
        session.dispose();
        throw error;
      }
    } finally {
      held.close();
    }
  },
};

/** Probed once, by trying: the engine does the same, and there is no other way to know. */
const locales = new Map<string | undefined, boolean>();

function hasLocale(name: string | undefined): boolean {
  const known = locales.get(name);
  if (known !== undefined) return known;
  const { buffer, byteOffset, byteLength } = localeProbe(name);
  const session = new binding.InferenceSession();
  let isThere = true;
  try {
    session.loadModel(buffer, byteOffset, byteLength, { logSeverityLevel: logSeverity });
    session.dispose();
  } catch {
    isThere = false;
  }
  locales.set(name, isThere);
  return isThere;
}
