import type { Room } from "./room.ts";

const thread = "a thread of the server that checks signatures";

export const signingRooms: readonly Room[] = [
  {
    path: "signing",
    question:
      "Which models are signed by someone who is trusted, and where are the bytes that were checked?",
    runs: "the server, main thread",
    blocks: "no",
    imports: ["base", "config/signing", "observe", "signing/contract", "storage"],
  },
  {
    path: "signing/contract",
    question: "What does a check of a signature take, and what does it find?",
    runs: "types only",
    blocks: "no",
    imports: ["base"],
  },
  {
    path: "signing/check",
    question: "Is a model's signature trusted, and is it of these files?",
    runs: thread,
    blocks: "yes: that is what the thread is for",
    imports: ["base", "base/files", "signing/certificates", "signing/contract", "signing/digests"],
    hasBlockingFiles: true,
  },
  {
    path: "signing/certificates",
    question: "Does a chain of certificates lead to one that is trusted?",
    runs: thread,
    blocks: "no",
    imports: ["base"],
  },
  {
    path: "signing/digests",
    question: "How are the digests of signed files computed?",
    runs: thread,
    blocks: "no",
    imports: [],
  },
];
