import { knownRefusals } from "./known-refusals.ts";
import type { TriedCase, TriedKind } from "./run-zoo.ts";
import type { Outcome } from "./try-case.ts";

const titles: Readonly<Record<string, string>> = {
  node: "ONNX, operators",
  simple: "ONNX, small graphs",
  "pytorch-operator": "ONNX, PyTorch's operators",
  "pytorch-converted": "ONNX, PyTorch's layers",
  light: "ONNX, known networks without their weights",
  packages: "Packages of PyPI and npm",
  sklearn: "scikit-learn by skl2onnx",
  xgboost: "XGBoost by onnxmltools",
  lightgbm: "LightGBM by onnxmltools",
  torch: "PyTorch's own exporter",
};

/** Kinds with a row for each of their groups; the groups of others are too small for one. */
const grouped = new Set(["node", "sklearn"]);

export interface ZooReport {
  /** The tables, in Markdown. Without dates and paths: the same zoo makes the same text. */
  readonly text: string;
  /** What must not be: wrong answers, and refusals that nobody has explained. One line each. */
  readonly faults: readonly string[];
}

export function reportZoo(kinds: readonly TriedKind[]): ZooReport {
  const all = kinds.flatMap(({ tried }) => tried);
  const faults = all.flatMap((tried) => {
    const { facts, outcome } = tried;
    if (outcome.kind !== "different" && outcome.kind !== "refused") return [];
    if (refusalOf(tried) !== undefined) return [];
    return [`${facts.kind}/${facts.name} (${outcome.kind}): ${outcome.detail}`];
  });
  const sections = [
    overview(kinds),
    renderRefusals(all),
    renderUnanswerable(all),
    renderClose(all),
    renderPackages(all),
    renderOrigin(kinds, all),
  ];
  return { text: sections.filter((section) => section !== "").join("\n\n"), faults };
}

function refusalOf({ facts, outcome }: TriedCase) {
  if (outcome.kind !== "refused") return undefined;
  return knownRefusals.find(({ kinds, message }) => {
    return kinds.includes(facts.kind) && message.test(outcome.detail);
  });
}

function overview(kinds: readonly TriedKind[]): string {
  const rows = kinds.flatMap(({ kind, tried }) => {
    const title = titles[kind] ?? kind;
    if (!grouped.has(kind)) return [countRow(title, tried)];
    const groups = Map.groupBy(tried, ({ facts }) => facts.group);
    return [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([group, cases]) => countRow(`${title}: ${group}`, cases));
  });
  const total = countRow(
    "All",
    kinds.flatMap(({ tried }) => tried),
  );
  const header = ["Models", "All", "The runtime runs", "Equal", "Within tolerance", "Not served"];
  return table(header, [...rows, total]);
}

function countRow(title: string, cases: readonly TriedCase[]): string[] {
  const count = (...kinds: readonly Outcome["kind"][]) =>
    cases.filter(({ outcome }) => kinds.includes(outcome.kind)).length;
  const answerable = cases.length - count("unanswerable");
  const figures = [count("equal"), count("close"), count("refused", "different")];
  return [title, String(cases.length), String(answerable), ...figures.map(String)];
}

function renderRefusals(all: readonly TriedCase[]): string {
  const groups = Map.groupBy(all, (tried) => {
    const { outcome } = tried;
    // Faults have lines of their own, and no place in the tables.
    return outcome.kind === "refused" ? refusalOf(tried)?.reason : undefined;
  });
  groups.delete(undefined);
  const parts = [...groups].map(([reason, cases]) => {
    return `${cases.length} ${cases.length === 1 ? "model" : "models"}. ${reason}\n\n${namesOf(cases)}`;
  });
  return parts.length === 0 ? "" : ["## What is not served, and why", ...parts].join("\n\n");
}

/** What the runtime says when it does not answer, in few words. */
const unanswerable: readonly { readonly reason: string; readonly message: RegExp }[] = [
  {
    reason: "It has no kernel for an operator of this version or datatype.",
    message: /NOT_IMPLEMENTED/,
  },
  {
    reason: "It rejects the model as invalid: an operator or datatype of an unreleased ONNX.",
    message: /INVALID_GRAPH|not a registered function|Type Error|Type parameter/,
  },
  {
    reason: "Its binding for Python cannot be given values of this datatype, or cannot give them.",
    message: /binding of Python|Numpy/,
  },
  { reason: "It loads the model, and fails when it runs it.", message: /while running/ },
  { reason: "It fails while it loads the model.", message: /Exception during initialization/ },
];

function renderUnanswerable(all: readonly TriedCase[]): string {
  const cases = all.filter(({ outcome }) => outcome.kind === "unanswerable");
  const groups = Map.groupBy(cases, ({ outcome }) => {
    const detail = outcome.kind === "unanswerable" ? outcome.detail : "";
    return unanswerable.find(({ message }) => message.test(detail))?.reason ?? `It says: ${detail}`;
  });
  if (cases.length === 0) return "";
  const rows = [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, members]) => [reason, String(members.length)]);
  return ["## What ONNX Runtime itself does not run", table(["Why", "Models"], rows)].join("\n\n");
}

function renderClose(all: readonly TriedCase[]): string {
  const cases = all.filter(({ outcome }) => outcome.kind === "close");
  return cases.length === 0 ? "" : `## Within tolerance\n\n${namesOf(cases)}`;
}

function renderPackages(all: readonly TriedCase[]): string {
  const cases = all.filter(({ facts }) => facts.kind === "packages");
  if (cases.length === 0) return "";
  const rows = [...Map.groupBy(cases, ({ facts }) => facts.group)].map(([name, members]) => {
    const outcomes = new Set(members.map(({ outcome }) => outcome.kind));
    return [`\`${name}\``, String(members.length), [...outcomes].join(", ")];
  });
  return ["## Packages", table(["Package", "Models", "Outcome"], rows)].join("\n\n");
}

function renderOrigin(kinds: readonly TriedKind[], all: readonly TriedCase[]): string {
  const versions = Object.entries(Object.assign({}, ...kinds.map((kind) => kind.versions)));
  const count = (wanted: string) => all.filter(({ facts }) => facts.changed === wanted).length;
  const random = all.filter(({ outcome }) => outcome.kind === "equal" && outcome.random);
  const skipped = kinds.flatMap((kind) => kind.skipped.map((line) => `- ${kind.kind}: ${line}`));
  return [
    "## How it was made",
    `By ${versions.map(([name, version]) => `${name} ${version}`).join(", ")}.`,
    `- ${count("lowered")} models declare an unreleased version of ONNX, which the runtime refuses. They were lowered to the newest released version, for both sides.`,
    `- ${count("locale")} models ask for the locale en_US.UTF-8; where the machine has none, the runtime's own answer is that with C.UTF-8.`,
    `- ${random.length} models draw random numbers, so that only names, datatypes and shapes are compared: ${namesOf(random)}`,
    ...(skipped.length === 0 ? [] : [`Not made:\n\n${skipped.join("\n")}`]),
  ].join("\n\n");
}

function namesOf(cases: readonly TriedCase[]): string {
  return cases.map(({ facts }) => `\`${facts.name}\``).join(", ");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | ")} |`;
  const rule = widths.map(
    (width, at) => "-".repeat(width - (at === 0 ? 0 : 1)) + (at === 0 ? "" : ":"),
  );
  return [line(header), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}
