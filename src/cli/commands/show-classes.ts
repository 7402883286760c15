import type { RunCommand } from "../command.ts";
import { readClientOptions } from "../connect/client-options.ts";
import { callTextTask, taskOf } from "../connect/text-task.ts";
import { exitCodes } from "../exit-code.ts";
import { readTexts } from "../inputs/read-texts.ts";
import { excerpt } from "../show/excerpt.ts";
import { printJson } from "../show/print-json.ts";
import { formatTable } from "../show/terminal-text.ts";

interface Label {
  readonly label: string;
  readonly score: number;
}

interface Entity {
  readonly start: number;
  readonly end: number;
  readonly word: string;
  readonly entity_group: string;
  readonly score: number;
}

/** Classes of a text to show people, the likely ones. */
const shownClasses = 3;

export const run: RunCommand = async (args, terminal) => {
  const [model = "", ...operands] = args.operands;
  const texts = await readTexts(operands, args, terminal.stdin);
  const options = readClientOptions(args);
  const ofTokens = (await taskOf(options, model)) === "token-classification";
  const name = ofTokens ? "token-classification" : "text-classification";
  const found: { text: string; results: readonly unknown[] }[] = [];
  for (const text of texts) {
    const { results } = await callTextTask(options, { name, model, inputs: text });
    found.push({ text, results: results as readonly unknown[] });
  }
  if (args.text("output") === "json") {
    const key = ofTokens ? "entities" : "classes";
    printJson(terminal, {
      model,
      results: found.map(({ text, results }) => ({ text, [key]: results })),
    });
  } else {
    const rows = found.flatMap(({ text, results }) =>
      ofTokens ? entityRows(text, results as Entity[]) : [classRow(text, results as Label[])],
    );
    terminal.stdout.write(formatTable(rows));
  }
  return exitCodes.ok;
};

function classRow(text: string, labels: readonly Label[]): string[] {
  const likely = labels.toSorted((one, other) => other.score - one.score).slice(0, shownClasses);
  return [
    excerpt(text),
    likely.map(({ label, score }) => `${label} ${score.toFixed(4)}`).join(", "),
  ];
}

function entityRows(text: string, entities: readonly Entity[]): string[][] {
  if (entities.length === 0) return [[excerpt(text), "no entities"]];
  return entities.map(({ start, end, word, entity_group, score }, at) => [
    at === 0 ? excerpt(text) : "",
    `${entity_group} ${score.toFixed(4)}`,
    `${start}-${end}`,
    word,
  ]);
}
