import type { CommandArguments, RunCommand } from "../command.ts";
import { usageError } from "../command-error.ts";
import { readClientOptions } from "../connect/client-options.ts";
import { callTextTask } from "../connect/text-task.ts";
import { exitCodes } from "../exit-code.ts";
import { readTexts } from "../inputs/read-texts.ts";
import { excerpt } from "../show/excerpt.ts";
import { printJson } from "../show/print-json.ts";
import { formatTable } from "../show/terminal-text.ts";

interface Ranked {
  readonly index: number;
  readonly score: number;
  readonly text: string;
}

export const run: RunCommand = async (args, terminal) => {
  const [model = "", query = "", ...operands] = args.operands;
  const top = readTop(args);
  const texts = await readTexts(operands, args, terminal.stdin);
  const answer = await callTextTask(readClientOptions(args), {
    name: "rerank",
    model,
    inputs: { query, documents: texts.map((text) => ({ text })) },
    parameters: {
      return_documents: false,
      ...(top !== undefined && { top_n: top }),
      ...(args.has("truncate") && { truncate_input_tokens: -1 }),
    },
  });
  const { scores } = answer["result"] as { readonly scores: readonly Ranked[] };
  const results = scores.map(({ index, score, text }) => ({ index, score, text }));
  if (args.text("output") === "json") {
    printJson(terminal, { model, query, results, tokens: answer["input_token_count"] });
  } else {
    const rows = results.map(({ index, score, text }) => [
      score.toFixed(4),
      `${index}`,
      excerpt(text),
    ]);
    terminal.stdout.write(formatTable(rows, new Set([0, 1])));
  }
  return exitCodes.ok;
};

function readTop(args: CommandArguments): number | undefined {
  const text = args.text("top");
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usageError(`--top is "${text}", expected a number above 0`);
}
