import type { Room } from "./room.ts";

const runs = "the server, main thread";
const blocks = "no";

export const serviceRooms: readonly Room[] = [
  {
    path: "service",
    question: "What can be asked of models: load, unload, infer, list, describe?",
    runs,
    blocks,
    imports: [
      "base",
      "config",
      "engine/contract",
      "engine/text/items",
      "models",
      "observe",
      "service/contract",
      "service/counts",
      "service/described",
      "service/lifecycle",
      "service/tabular",
      "service/text",
      "service/watch",
      "storage",
      "storage/repository",
    ],
  },
  {
    path: "service/contract",
    question: "Which view of models does the rest of the program get?",
    runs: "types only",
    blocks,
    imports: ["base", "engine/contract"],
  },
  {
    path: "service/counts",
    question: "How many inferences arrived and ended, when, and how?",
    runs,
    blocks,
    imports: ["base", "config", "engine/contract", "service/contract"],
  },
  {
    path: "service/lifecycle",
    question: "What state is a model in, what may it become, and what memory does it hold?",
    runs,
    blocks,
    imports: [
      "base",
      "base/files",
      "config",
      "engine/contract",
      "models",
      "observe",
      "service/contract",
      "service/counts",
      "service/described",
      "storage",
    ],
  },
  {
    path: "service/described",
    question: "What are clients told about a loaded model, whatever it is?",
    runs,
    blocks,
    imports: ["config", "engine/contract", "service/tabular", "service/text"],
  },
  {
    path: "service/tabular",
    question: "How do clients of other servers see models that were translated?",
    runs,
    blocks: "no longer than a copy of a request's tensors takes",
    imports: ["base", "config", "engine/contract", "service/contract"],
  },
  {
    path: "service/text",
    question:
      "How does a call of a text model become runs of the engine, and their results its answer?",
    runs,
    blocks: "no longer than a copy of a call's texts takes",
    imports: [
      "base",
      "engine/contract",
      "engine/text/items",
      "service/classification.ts",
      "service/contract",
    ],
  },
  {
    path: "service/watch",
    question: "What has changed, for clients that watch the runtime?",
    runs,
    blocks,
    imports: [
      "base",
      "engine/contract",
      "observe",
      "service/contract",
      "service/counts",
      "service/lifecycle",
    ],
  },
];
