import type { Room } from "./room.ts";

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
    path: "engine/text/items",
    question: "What do the server and a host tell each other about the texts of a run?",
    runs: "the server and its hosts, main threads",
    blocks: "no",
    imports: ["base"],
  },
  {
    path: "engine/text/memory",
    question: "How much memory will a text model take, loaded and in a run?",
    runs: "a file thread of the server",
    blocks: "yes: it reads a folder's files, and follows a graph",
    imports: [
      "base",
      "engine/contract",
      "engine/onnx/graph",
      "engine/onnx/memory",
      "engine/text/folder",
      "engine/text/graph",
      "engine/text/items",
    ],
    hasBlockingFiles: true,
  },
  {
    path: "engine/text/session",
    question: "How does a host load and run a text model?",
    runs: "an engine host, a child process; models run in its main thread",
    blocks: "yes: the host does nothing else meanwhile",
    imports: [
      "base",
      "base/files",
      "engine/contract",
      "engine/onnx/external",
      "engine/onnx/session/load-bytes.ts",
      "engine/process",
      "engine/text/folder",
      "engine/text/graph",
      "engine/text/items",
      "engine/text/tokens",
    ],
    hasBlockingFiles: true,
  },
];
