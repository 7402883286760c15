import {
  GRPCInferenceService,
  type ModelMetadataResponse,
} from "../../../gen/inference/inference_pb.ts";
import { writeLong } from "../../base/raw-json.ts";
import type { CommandArguments, RunCommand, Terminal } from "../command.ts";
import { usageError } from "../command-error.ts";
import { readRequestFile } from "../connect/request-file.ts";
import { withServer } from "../connect/server-connection.ts";
import { exitCodes } from "../exit-code.ts";
import { readInputs } from "../inputs/read-inputs.ts";
import {
  columnNames,
  isOptional,
  type RawTensor,
  showSpec,
  toTensor,
  zeros,
} from "../inputs/tensor-value.ts";
import { toInferenceJson, toInferenceText } from "../show/outputs.ts";

export const run: RunCommand = (args, terminal) =>
  withServer(args, async (server) => {
    const [name = ""] = args.operands;
    const client = server.client(GRPCInferenceService);
    const version = args.text("model-version") ?? "";
    const model = await client.modelMetadata({ name, version });
    const inputs = await takeInputs(args, model, terminal);
    const wanted = (args.text("outputs") ?? "").split(",").filter((output) => output !== "");
    const answer = await client.modelInfer({
      modelName: name,
      modelVersion: version,
      inputs: inputs.map(({ data, ...tensor }) => tensor),
      rawInputContents: inputs.map(({ data }) => data),
      outputs: wanted.map((output) => ({ name: output })),
    });
    if (args.text("output") === "json") {
      const indent = terminal.stdout.isTTY ? 2 : undefined;
      terminal.stdout.write(`${JSON.stringify(toInferenceJson(answer), writeLong, indent)}\n`);
    } else {
      terminal.stdout.write(toInferenceText(answer));
    }
    return exitCodes.ok;
  });

async function takeInputs(
  args: CommandArguments,
  { inputs: specs }: ModelMetadataResponse,
  { stdin }: Terminal,
): Promise<RawTensor[]> {
  const [name = "", ...operands] = args.operands;
  const file = args.text("request");
  const ways = [operands.length > 0, file !== undefined, args.has("zeros")].filter(Boolean);
  if (ways.length > 1)
    throw usageError("inputs, --request and --zeros exclude each other: give one of them");
  if (file !== undefined) return readRequestFile(file, specs, stdin);
  const needed = specs.filter((spec) => !isOptional(spec));
  if (args.has("zeros")) return needed.map((spec) => toTensor(spec, zeros(spec)));
  if (operands.length === 0 && needed.length > 0) {
    const [columns] = needed.length === 1 ? needed.map(columnNames) : [];
    if (columns !== undefined) {
      const examples = columns.slice(0, 3).map((column) => `${column}=VALUE`);
      throw usageError(
        `model "${name}" takes ${specs.map(showSpec).join("; ")}, with the columns ${columns.join(", ")}`,
        `give each as ${examples.join(" ")} …, or try \`modelport infer ${name} --zeros\``,
      );
    }
    throw usageError(
      `model "${name}" takes ${specs.map(showSpec).join("; ")}`,
      `give each as NAME=JSON or NAME=@FILE, or try \`modelport infer ${name} --zeros\``,
    );
  }
  return readInputs(operands, specs, stdin);
}
