import type { Room } from "./room.ts";

const anywhere = "whatever process and thread calls it";
const serverMain = "the server, main thread";

export const leafRooms: readonly Room[] = [
  {
    path: "base",
    question: "What do all parts of the program need, whatever they do?",
    runs: anywhere,
    blocks: "no, except for small files that are read before the port is up",
    imports: [],
    hasBlockingFiles: true,
  },
  {
    path: "base/files",
    question: "Which files may be opened, how are they read, and what do their errors mean?",
    runs: anywhere,
    blocks: "small files that are read before the port is up; otherwise only in threads that may",
    imports: ["base"],
    hasBlockingFiles: true,
  },
  {
    path: "config",
    question: "What can be set, where does a value come from, and is it allowed?",
    runs: "the server before it starts, and commands that show settings",
    blocks: "no",
    imports: ["base", "base/files", "config/payload-log"],
  },
  {
    path: "config/payload-log",
    question: "What can be set for the log of payloads, and which values does it hide?",
    runs: "the server before it starts, and commands that show settings",
    blocks: "no",
    imports: ["config/setting.ts"],
  },
  {
    path: "models",
    question: "What does a folder contain: which model file, which versions, which settings?",
    runs: "the server, main thread, for names; file threads, for what lies on the disk",
    blocks: "no",
    imports: ["base", "config"],
  },
  {
    path: "observe",
    question:
      "What does the program report about itself: log lines, traces, figures of the process?",
    runs: serverMain,
    blocks: "only to write a log line",
    imports: ["base", "config"],
    hasBlockingFiles: true,
  },
  {
    path: "start",
    question: "What happens once, at the start and at the end of a server?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "observe"],
  },
  {
    path: "storage",
    question: "How does a model get from a store to the local disk, and how is it removed?",
    runs: serverMain,
    blocks: "no",
    imports: [
      "base",
      "base/files",
      "config",
      "observe",
      "storage/archives",
      "storage/contract",
      "storage/hub",
      "storage/leftovers",
      "storage/oci",
      "storage/web",
    ],
  },
  {
    path: "storage/archives",
    question: "Which files are in an archive, and which of them may be written where?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "storage/contract"],
  },
  {
    path: "storage/contract",
    question: "What must every store be able to do, and what do its failures mean?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "base/files"],
  },
  {
    path: "storage/hub",
    question: "Which files does a model of Hugging Face's hub need, and how are they fetched?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "storage/contract", "storage/web"],
  },
  {
    path: "storage/leftovers",
    question: "Which folders of a shared directory belong to processes that have ended?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "base/files"],
  },
  {
    path: "storage/oci",
    question: "Which blobs of a container registry are a model, and who may read them?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "base/files", "storage/archives", "storage/contract", "storage/web"],
  },
  {
    path: "storage/web",
    question: "How does a request get to a server of the web, and what may it take along?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "observe", "storage/contract"],
  },
  {
    path: "storage/repository",
    question:
      "Which entries of a local directory are models, and what has changed since it was last read?",
    runs: serverMain,
    blocks: "no",
    imports: ["base", "base/files", "config", "models", "storage/archives"],
  },
];
