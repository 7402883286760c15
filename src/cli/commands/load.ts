import { Code, ConnectError } from "@connectrpc/connect";
import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../../gen/mmesh/model-runtime_pb.ts";
import { ModelState } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { printable } from "../../base/errors.ts";
import { formatMs } from "../../clients/figures.ts";
import type { CommandArguments, RunCommand } from "../command.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ServerConnection, withServer } from "../connect/server-connection.ts";
import { exitCodes } from "../exit-code.ts";
import { LoadProgress } from "../show/load-progress.ts";
import { memoryOf, modelLabel } from "../show/model-label.ts";
import { listModels, selectModel, toListJson } from "../show/model-list.ts";
import { printJson } from "../show/print-json.ts";

export const run: RunCommand = (args, terminal) =>
  withServer(args, async (server) => {
    const [id = ""] = args.operands;
    const call = loadCall(server, id, args);
    const progress = new LoadProgress(server, id, terminal.stderr);
    try {
      await call();
    } finally {
      await progress.stop();
    }
    const list = selectModel(await listModels(server), id);
    const ready = list.loaded.filter(({ state }) => state === ModelState.READY);
    if (args.text("output") === "json") printJson(terminal, toListJson(list));
    else {
      for (const model of ready) {
        terminal.stdout.write(
          `loaded ${printable(modelLabel(model))}: ${memoryOf(model)}, in ${formatMs(model.loadMs)}\n`,
        );
      }
    }
    return exitCodes.ok;
  });

/** Throws CommandError if the options cannot be combined. */
function loadCall(
  server: ServerConnection,
  modelId: string,
  args: CommandArguments,
): () => Promise<unknown> {
  const modelPath = args.text("path");
  if (modelPath !== undefined) {
    const modelType = args.text("type") ?? "";
    const modelKey = args.text("key") ?? "";
    if (modelKey !== "" && !isJsonObject(modelKey)) {
      throw usageError('--key is not a JSON object: expected one such as {"model_type": "onnx"}');
    }
    const request = { modelId, modelPath, modelType, modelKey };
    return async () => {
      try {
        return await server.client(ModelRuntime).loadModel(request);
      } catch (error) {
        throw explainPath(error);
      }
    };
  }
  for (const option of ["type", "key"]) {
    if (args.text(option) !== undefined) {
      throw usageError(
        `--${option} needs --path`,
        "without --path the model is loaded from the local repository with the settings stored there",
      );
    }
  }
  return () => server.client(GRPCInferenceService).repositoryModelLoad({ modelName: modelId });
}

/** An unusable path is usually a path of this machine, or one outside the runtime's directories. */
function explainPath(error: unknown): unknown {
  const codes: readonly Code[] = [Code.FailedPrecondition, Code.InvalidArgument];
  if (!(error instanceof ConnectError) || !codes.includes(error.code)) return error;
  const advice =
    "give the path as the runtime sees it: relative to its model directory, or absolute and inside one of them";
  return new CommandError(exitCodes.failed, error.rawMessage, advice, { cause: error });
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
