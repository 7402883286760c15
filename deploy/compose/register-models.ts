// Makes models known to ModelMesh and waits until each is loaded:
//
//   node deploy/compose/register-models.ts http://localhost:8033 digits=digits iris=iris
//
// Each argument after the address of any one ModelMesh process is an id and the path at which the runtimes
// find the model. Exits with 1 if one of them cannot be loaded, and says why.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ModelMesh, ModelStatusInfo_ModelStatusSchema } from "../../gen/mmesh/model-mesh_pb.ts";

/** A ModelMesh that has just started refuses calls until it has met its runtime. */
const startLimitMs = 180_000;
const retryMs = 1_000;

const [baseUrl = "", ...models] = process.argv.slice(2);
if (URL.canParse(baseUrl) && models.length > 0) {
  process.exitCode = (await registerAll(baseUrl, models)) ? 0 : 1;
} else {
  process.stderr.write("usage: register-models.ts http://HOST:PORT ID=PATH ...\n");
  process.exitCode = 2;
}

/** Whether all of them, each written "ID=PATH", are loaded. */
async function registerAll(baseUrl: string, models: readonly string[]): Promise<boolean> {
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  const mesh = createClient(ModelMesh, transport);
  const deadlineMs = Date.now() + startLimitMs;
  let areLoaded = true;
  for (const model of models) {
    const [modelId = "", path = ""] = model.split("=", 2);
    const register = async () => {
      const modelInfo = { type: "mt:onnx", path };
      const answer = await mesh.registerModel({ modelId, modelInfo, loadNow: true, sync: true });
      const status = ModelStatusInfo_ModelStatusSchema.value[answer.status]?.name ?? "UNKNOWN";
      return { isLoaded: status === "LOADED", report: [status, ...answer.errors].join(": ") };
    };
    const { isLoaded, report } = await untilAvailable(register, deadlineMs);
    process.stdout.write(`${modelId}: ${report}\n`);
    areLoaded &&= isLoaded;
  }
  sessionManager.abort();
  return areLoaded;
}

interface Outcome {
  readonly isLoaded: boolean;
  /** One line. */
  readonly report: string;
}

async function untilAvailable(
  register: () => Promise<Outcome>,
  deadlineMs: number,
): Promise<Outcome> {
  for (;;) {
    try {
      return await register();
    } catch (reason) {
      const { code, message } = ConnectError.from(reason);
      if (code !== Code.Unavailable || Date.now() > deadlineMs) {
        return { isLoaded: false, report: message };
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
