import type { Comparison, Target } from "../comparisons.ts";

const titles: Readonly<Record<string, string>> = {
  "64 mixed texts, CPU": "64 mixed texts in one request: CPU time",
  memory: "memory with one model, after the above",
  "cold load": "from the load of the model to its first embedding",
};

export const textComparisons: readonly Comparison[] = [
  {
    area: "text",
    title: "mixed texts, 64 callers: tokens",
    of: "text/mixed texts, 64 callers/modelport",
    against: "text/mixed texts/session.run",
    target: { atLeast: 0.9 },
  },
  {
    area: "text",
    title: "one text: latency beyond session.run, p50",
    of: "text/one text/added",
    target: { atMost: 1500 },
  },
  text("64 mixed texts, CPU", "fastembed", { atMost: 0.35 }),
  text("64 mixed texts, CPU", "infinity", { atMost: 0.65 }),
  ...[1, 4, 16].map((callers) =>
    text(`short texts, ${callers} callers`, "infinity", { atLeast: 2 }),
  ),
  text("memory", "fastembed", { atMost: 0.6 }),
  text("memory", "infinity", { atMost: 0.25 }),
  text("cold load", "fastembed", { atMost: 0.5 }),
  text("cold load", "infinity", { atMost: 0.5 }),
  ...["packed", "mapped"].flatMap((weights): Comparison[] => [
    {
      area: "text",
      title: `50 models, weights ${weights}: memory of each`,
      of: `text/many, ${weights}/memory of each`,
    },
    {
      area: "text",
      title: `50 models, weights ${weights}: loads`,
      of: `text/many, ${weights}/loads`,
    },
  ]),
];

function text(what: string, peer: string, target: Target): Comparison {
  return {
    area: "text",
    title: titles[what] ?? `${what}: requests`,
    of: `text/${what}/modelport`,
    against: `text/${what}/${peer}`,
    target,
  };
}
