import { folderOf, mayImport } from "../../scripts/rooms/lint-rules.ts";
import type { PackageGroup, Room } from "../../scripts/rooms/room.ts";
import { rooms } from "../../scripts/rooms/rooms.ts";

/** What the linter must refuse in one folder of src/, and what it must not. */
export interface LayerRule {
  readonly name: string;
  /** A file of the folder. It need not exist. */
  readonly file: string;
  /** Specifiers. Paths of our own start at the root; the check makes them relative. */
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
}

/** What stands for a group of packages. */
const examples: Readonly<Record<PackageGroup, readonly string[]>> = {
  fastify: ["fastify", "fastify/types/logger.js", "@fastify/cors"],
  connect: [
    "@connectrpc/connect",
    "@connectrpc/connect/protocol-grpc",
    "@bufbuild/protobuf",
    "@bufbuild/protobuf/wkt",
  ],
  "connect server": ["@connectrpc/connect-fastify"],
  "connect for Node": ["@connectrpc/connect-node"],
  "connect for browsers": ["@connectrpc/connect-web"],
  "node built-ins": ["node:path"],
  "Hugging Face tokenizers": ["@huggingface/tokenizers"],
  "ONNX Runtime": ["onnxruntime-node", "onnxruntime-node/dist/binding.js"],
  "generated code": ["gen/mmesh/model-runtime_pb.ts", "gen/inference/inference_pb.ts"],
};

/** For each room, every other one and every group of packages. */
export const layerRules: readonly LayerRule[] = rooms.map((room) => {
  const own = rooms.filter((other) => other !== room).map((other) => plantedIn(other));
  const groups = Object.entries(examples) as [PackageGroup, readonly string[]][];
  const foreign = groups.filter(([group]) => !mayImport(room, group));
  const allowed = groups.filter(([group]) => mayImport(room, group));
  const files = room.imports.filter((path) => path.endsWith(".ts")).map((path) => `src/${path}`);
  return {
    name: folderOf(room),
    file: plantedIn(room),
    refused: [...own.filter((file) => !mayImportFile(room, file)), ...foreign.flatMap(specifiers)],
    allowed: [
      ...own.filter((file) => mayImportFile(room, file)),
      ...files,
      ...allowed.flatMap(specifiers),
      `${folderOf(room)}/planted-helper.ts`,
    ],
  };
});

function plantedIn(room: Room): string {
  return `${folderOf(room)}/planted.ts`;
}

function mayImportFile(room: Room, file: string): boolean {
  // The page cannot name what lies beside its folder, wherever in it a file is.
  if (room.isDeep && file === "src/planted.ts") return true;
  return room.imports.some((path) => `src/${path}/planted.ts` === file);
}

function specifiers([, names]: readonly [PackageGroup, readonly string[]]): readonly string[] {
  return names;
}
