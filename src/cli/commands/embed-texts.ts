import type { RunCommand } from "../command.ts";
import { readClientOptions } from "../connect/client-options.ts";
import { callTextTask } from "../connect/text-task.ts";
import { exitCodes } from "../exit-code.ts";
import { readTexts } from "../inputs/read-texts.ts";
import { excerpt } from "../show/excerpt.ts";
import { printJson } from "../show/print-json.ts";
import { formatTable } from "../show/terminal-text.ts";

/** Numbers of a vector to show people, at its start. */
const shownNumbers = 4;

export const run: RunCommand = async (args, terminal) => {
  const [model = "", ...operands] = args.operands;
  const texts = await readTexts(operands, args, terminal.stdin);
  const answer = await callTextTask(readClientOptions(args), {
    name: "embedding-tasks",
    model,
    inputs: texts,
    parameters: args.has("truncate") ? { truncate_input_tokens: -1 } : {},
  });
  const { vectors } = answer["results"] as {
    readonly vectors: readonly { readonly data: { readonly values: readonly number[] } }[];
  };
  const embeddings = vectors.map(({ data }) => data.values);
  if (args.text("output") === "json") {
    printJson(terminal, { model, embeddings, tokens: answer["input_token_count"] });
  } else {
    const rows = embeddings.map((values, at) => [excerpt(texts[at] ?? ""), showVector(values)]);
    terminal.stdout.write(formatTable(rows));
  }
  return exitCodes.ok;
};

function showVector(values: readonly number[]): string {
  const start = values.slice(0, shownNumbers).map((value) => value.toFixed(4));
  const rest = values.length > shownNumbers ? ", …" : "";
  return `FP32[${values.length}] [${start.join(", ")}${rest}]`;
}
