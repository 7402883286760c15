import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import { ModelState } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { printable } from "../../base/errors.ts";
import { formatBytes } from "../../clients/figures.ts";
import type { RunCommand } from "../command.ts";
import { CommandError } from "../command-error.ts";
import { withServer } from "../connect/server-connection.ts";
import { exitCodes } from "../exit-code.ts";
import { listModels, selectModel } from "../show/model-list.ts";
import { printJson } from "../show/print-json.ts";

export const run: RunCommand = (args, terminal) =>
  withServer(args, async (server) => {
    const [id = ""] = args.operands;
    const before = selectModel(await listModels(server), id);
    const held = before.loaded.filter(({ state }) => state !== ModelState.FAILED);
    if (held.length === 0) {
      throw new CommandError(
        exitCodes.notFound,
        `model "${id}" is not loaded`,
        "`modelport models` lists all models",
      );
    }
    // The two services keep separate models, so both may have one of this name.
    if (held.some(({ pinned }) => pinned)) {
      await server.client(GRPCInferenceService).repositoryModelUnload({ modelName: id });
    }
    if (held.some(({ pinned }) => !pinned)) {
      await server.client(ModelRuntime).unloadModel({ modelId: id });
    }
    const freed = held.reduce((sum, { heldBytes }) => sum + heldBytes, 0n);
    if (args.text("output") === "json") printJson(terminal, { id, freedBytes: Number(freed) });
    else terminal.stdout.write(`unloaded ${printable(id)}: ${formatBytes(freed)} free again\n`);
    return exitCodes.ok;
  });
