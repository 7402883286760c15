import { type Binding, binding } from "onnxruntime-node/dist/binding.js";
import { describeError, RuntimeError } from "../../../base/errors.ts";
import type { FileAccess } from "../../contract/file-access.ts";
import type { HeldFiles } from "../external/held-files.ts";
import { type ModelContent, sessionFiles } from "./content-files.ts";
import { loadError } from "./load-error.ts";

export type Session = Binding.InferenceSession;

export interface SessionTerms {
  readonly threads: number;
  readonly access: FileAccess;
  /** Whether weights stay in their files, where kernels would copy them in an order of their own. */
  readonly isMapped?: boolean;
}

/** Fatal only: every error comes back as an exception as well. */
export const logSeverity = 4 as const;

/** Undefined: ONNX Runtime's default, the CPU. It takes over operators that CUDA does not have. */
let providers: readonly string[] | undefined;

/** All sessions from now on, text models' included. A host calls it once, before its first load. */
export function useCuda(): void {
  providers = ["cuda", "cpu"];
}

/** How much of an engine message is examined. */
const maxMessage = 10_000;

/** Makes a session of `content`. Throws a RuntimeError with a readable message; then no memory of the attempt
 *  remains. */
export function openSession(
  content: ModelContent,
  held: HeldFiles,
  { threads, access, isMapped = false }: SessionTerms,
): Session {
  const session = new binding.InferenceSession();
  try {
    const { bytes, folder } = sessionFiles(held, content, access);
    const options = {
      ...(providers !== undefined && { executionProviders: providers }),
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: logSeverity,
      // The session's own arena would keep a model's biggest run for good. The process's allocator keeps as
      // much while runs follow each other, and gives it back afterwards: see `MemoryRest`.
      enableCpuMemArena: false,
      // A memory plan from earlier runs only saves allocations, without a measurable effect, and keeps the
      // planned memory besides what those runs have left: up to twice the memory.
      enableMemPattern: false,
      // Threads that spin between runs take the core away from other hosts.
      extra: {
        session: {
          intra_op: { allow_spinning: "0" },
          ...(isMapped && { disable_prepacking: "1" }),
          model_external_initializers_file_folder_path: folder,
        },
      },
    };
    if (bytes === undefined) session.loadModel(content.heldFile, options);
    else {
      const { buffer, byteOffset, byteLength } = bytes;
      session.loadModel(buffer as ArrayBuffer, byteOffset, byteLength, options);
    }
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    held.explain();
    if (providers !== undefined && cudaFault.test(describeError(error, maxMessage))) {
      throw withoutCuda(describeError(error));
    }
    throw loadError(content.file, held.readable(describeError(error, maxMessage)));
  }
  return session;
}

/** What ONNX Runtime says where its library for CUDA, CUDA itself or a GPU is missing. */
const cudaFault = /cuda|cudnn|cublas|onnxruntime_providers/i;

function withoutCuda(message: string): RuntimeError {
  const why = `EXECUTION_PROVIDER is cuda, and CUDA does not work here: ${message}`;
  const advice = "run the image for GPUs on a machine with an NVIDIA GPU, or set it to cpu";
  return new RuntimeError("load-failed", `${why}: ${advice}`);
}
