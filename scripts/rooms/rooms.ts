import { clientRooms } from "./client-rooms.ts";
import { engineRooms } from "./engine-rooms.ts";
import { leafRooms } from "./leaf-rooms.ts";
import type { Room } from "./room.ts";
import { rpcRooms } from "./rpc-rooms.ts";
import { serviceRooms } from "./service-rooms.ts";
import { signingRooms } from "./signing-rooms.ts";
import { textRooms } from "./text-rooms.ts";

const layers = [
  ...leafRooms,
  ...signingRooms,
  ...engineRooms,
  ...textRooms,
  ...serviceRooms,
  ...rpcRooms,
];

const roots: readonly Room[] = [
  {
    path: ".",
    question:
      "How is the program put together? cli.ts reads the command line, main.ts assembles the server.",
    runs: "the process that people start",
    blocks: "only before the port is up",
    imports: [...layers.map(({ path }) => path), "cli", "cli/show"],
    hasBlockingFiles: true,
  },
  {
    path: "doctor",
    question: "What would keep `serve` from working on this machine?",
    runs: "a command of its own",
    blocks: "yes: it does one thing",
    imports: [
      "base",
      "base/files",
      "clients",
      "config",
      "engine",
      "engine/contract",
      "engine/onnx/session/smallest-model.ts",
      "models",
      "observe",
      "config/payload-log",
      "rpc/guard/bearer-tokens.ts",
      "rpc/payload-log/sinks/sink-files.ts",
      "rpc/port",
      "service/described",
      "service/lifecycle",
      "signing/check/trusted-keys.ts",
      "storage",
      "storage/repository",
    ],
    hasBlockingFiles: true,
  },
];

/** All folders of src/ that have files, in the order in which they are shown. */
export const rooms: readonly Room[] = [...roots, ...layers, ...clientRooms];
