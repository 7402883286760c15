import type { PackageGroup, Room } from "./room.ts";

const runs = "a command of its own, a client of the server";
const blocks = "yes: it does one thing";
const client: readonly PackageGroup[] = ["connect", "connect for Node", "generated code"];

export const clientRooms: readonly Room[] = [
  {
    path: "clients",
    question: "How do the command line and the page name and measure what the server reports?",
    runs: "commands, and browsers",
    blocks: "no",
    imports: [],
    packages: ["generated code"],
  },
  {
    path: "cli",
    question: "Which commands are there, and how is a command line read?",
    runs: "the process that people start, before it becomes a server or a client",
    blocks,
    imports: ["base", "clients", "config", "cli/commands", "cli/connect", "cli/show"],
    packages: client,
    hasBlockingFiles: true,
  },
  {
    path: "cli/commands",
    question: "What does each command do?",
    runs,
    blocks,
    imports: [
      "base",
      "clients",
      "config",
      "doctor",
      "cli",
      "cli/connect",
      "cli/inputs",
      "cli/show",
    ],
    packages: client,
    hasBlockingFiles: true,
  },
  {
    path: "cli/connect",
    question: "How does a command reach the server, and what does it report if it cannot?",
    runs,
    blocks,
    imports: ["base", "config", "cli", "cli/inputs"],
    packages: client,
    hasBlockingFiles: true,
  },
  {
    path: "cli/inputs",
    question: "How do arguments and files become the inputs of an inference?",
    runs,
    blocks,
    imports: ["base", "cli"],
    packages: client,
    hasBlockingFiles: true,
  },
  {
    path: "cli/show",
    question: "How does a command show the server's response?",
    runs,
    blocks,
    imports: ["base", "clients", "cli", "cli/connect", "cli/inputs"],
    packages: client,
    hasBlockingFiles: true,
  },
  {
    path: "dashboard",
    question: "What does the page at / show, and how does it follow the server?",
    runs: "browsers",
    blocks: "no",
    imports: ["base/element-codec.ts", "clients"],
    packages: ["connect", "connect for browsers", "generated code"],
    isDeep: true,
  },
];
