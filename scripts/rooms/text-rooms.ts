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
];
