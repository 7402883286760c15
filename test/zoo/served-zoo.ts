import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { startServed } from "../support/servers/served.ts";
import type { ModelLoader } from "./try-case.ts";
import { rawGrpc } from "./ways/raw-grpc.ts";
import { restBinary } from "./ways/rest-binary.ts";
import { restJson } from "./ways/rest-json.ts";
import type { Way } from "./ways/way.ts";

/** The program with its models root at `root`, and clients for it. */
export interface ServedZoo {
  readonly loader: ModelLoader;
  readonly ways: readonly Way[];
  /** Resolves with the exit code, or the signal that ended the program. */
  close(): Promise<number | NodeJS.Signals | null>;
}

/** One thread: a sum over several may come out otherwise by a bit, here and in the runtime itself. */
const modelKey = JSON.stringify({ intra_op_thread_count: 1 });

const loadTimeoutMs = 300_000;

export async function serveZoo(root: string): Promise<ServedZoo> {
  const served = await startServed([
    ...["--root-model-dir", root],
    // A machine that is busy with something else is no reason to refuse a model.
    ...["--load-timeout", String(loadTimeoutMs)],
  ]);
  const baseUrl = `http://127.0.0.1:${served.port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  const runtime = createClient(ModelRuntime, transport);
  return {
    loader: {
      load: (modelId, modelPath) => runtime.loadModel({ modelId, modelPath, modelKey }),
      unload: (modelId) => runtime.unloadModel({ modelId }),
    },
    ways: [rawGrpc(transport), restBinary(baseUrl), restJson(baseUrl)],
    close() {
      sessionManager.abort();
      return served.stop();
    },
  };
}
