import type { Room } from "./room.ts";

const hostProcess = "an engine host, a child process; texts are tokenised in its main thread";

/** The engine for text models: folders of Hugging Face and sentence-transformers. */
export const textRooms: readonly Room[] = [
  {
    path: "engine/text/folder",
    question: "Which text model lies in a folder?",
    runs: "a file thread of the server, and hosts while they load",
    blocks: "yes: it reads files",
    imports: ["base", "base/files", "engine/contract"],
    hasBlockingFiles: true,
  },
  {
    path: "engine/text/tokens",
    question: "How does a text become tokens, exactly as the model's own tokenizer does it?",
    runs: hostProcess,
    blocks: "yes, in proportion to the length of a text; opening reads files",
    imports: [
      "base",
      "engine/text/folder/text-folder.ts",
      "engine/text/tokens/added",
      "engine/text/tokens/models",
      "engine/text/tokens/normalizers",
      "engine/text/tokens/pieces",
      "engine/text/tokens/sequence",
      "engine/text/tokens/words",
    ],
    hasBlockingFiles: true,
  },
  {
    path: "engine/text/tokens/added",
    question: "Which added tokens are in a text?",
    runs: hostProcess,
    blocks: "yes, in proportion to the length of a text",
    imports: ["engine/text/tokens/config-fields.ts", "engine/text/tokens/pieces"],
  },
  {
    path: "engine/text/tokens/models",
    question: "Which tokens is a word made of?",
    runs: hostProcess,
    blocks: "yes, in proportion to the length of a word",
    imports: ["base", "engine/text/tokens/config-fields.ts", "engine/text/tokens/pieces"],
  },
  {
    path: "engine/text/tokens/normalizers",
    question: "How is a text normalised?",
    runs: hostProcess,
    blocks: "yes, in proportion to the length of a text",
    imports: [
      "engine/text/tokens/config-fields.ts",
      "engine/text/tokens/pieces",
      "engine/text/tokens/words/create-pattern.ts",
    ],
  },
  {
    path: "engine/text/tokens/pieces",
    question: "What is a stretch of text, and where does each of its characters come from?",
    runs: hostProcess,
    blocks: "yes, in proportion to the length of a text",
    imports: [],
  },
  {
    path: "engine/text/tokens/sequence",
    question: "How do tokens become a model's input: special tokens, pairs, cuts?",
    runs: hostProcess,
    blocks: "no",
    imports: [
      "base",
      "engine/text/tokens/config-fields.ts",
      "engine/text/tokens/pieces",
      "engine/text/tokens/words/byte-level.ts",
    ],
  },
  {
    path: "engine/text/tokens/words",
    question: "Which words does a normalised text consist of?",
    runs: hostProcess,
    blocks: "yes, in proportion to the length of a text",
    imports: ["base", "engine/text/tokens/config-fields.ts", "engine/text/tokens/pieces"],
    packages: ["Hugging Face tokenizers"],
  },
];
