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
    path: "engine/text/safetensors",
    question: "Where in its files are the weights of a text model?",
    runs: "a file thread of the server, and hosts while they load",
    blocks: "yes: it reads files, though never weights",
    imports: ["base", "base/files"],
    hasBlockingFiles: true,
  },
  {
    path: "engine/text/graph",
    question: "Which ONNX graph computes a text model?",
    runs: "a file thread of the server, and hosts while they load",
    blocks: "yes: it reads the headers of files",
    imports: [
      "base",
      "engine/contract",
      "engine/text/folder",
      "engine/text/graph/exported",
      "engine/text/graph/families",
      "engine/text/graph/layers",
      "engine/text/safetensors",
    ],
  },
  {
    path: "engine/text/graph/families",
    question: "Which layers does each family of text models have, and how are its weights named?",
    runs: "a file thread of the server, and hosts while they load",
    blocks: "yes, in proportion to the number of layers",
    imports: ["engine/onnx/write", "engine/text/graph/layers"],
  },
  {
    path: "engine/text/graph/layers",
    question: "Which nodes is a layer made of?",
    runs: "a file thread of the server, and hosts while they load",
    blocks: "yes, in proportion to the number of nodes; data-places.ts looks up files",
    imports: ["base", "engine/onnx/write", "engine/text/folder", "engine/text/safetensors"],
    hasBlockingFiles: true,
  },
  {
    path: "engine/text/graph/exported",
    question: "How does an ONNX file that others exported become such a graph?",
    runs: "a file thread of the server, and hosts while they load",
    blocks: "yes: it reads the file, weights aside",
    imports: [
      "base",
      "base/files",
      "engine/onnx/graph",
      "engine/onnx/rewrite",
      "engine/onnx/write",
      "engine/text/folder",
      "engine/text/graph/layers",
      "engine/text/graph/text-graph.ts",
      "engine/text/graph/text-modules.ts",
    ],
    hasBlockingFiles: true,
  },
];
