/** One layer of docs/architecture.md: which imports the linter must refuse in it, and which it must not. */
export interface LayerRule {
  readonly name: string;
  /** A file of the layer. It need not exist. */
  readonly file: string;
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
}

const wire = [
  "fastify",
  "fastify/types/logger.js",
  "@connectrpc/connect",
  "@connectrpc/connect/protocol-grpc",
  "@connectrpc/connect-node",
  "@connectrpc/connect-fastify",
  "@bufbuild/protobuf",
  "@bufbuild/protobuf/wkt",
];
const gen = ["gen/mmesh/model-runtime_pb.ts", "gen/inference/inference_pb.ts"];
const onnx = ["onnxruntime-node", "onnxruntime-node/dist/binding.js"];

/** Paths of our own start at the root here; the check makes them relative. */
export const layerRules: readonly LayerRule[] = [
  {
    name: "leaves",
    file: "src/planted-leaf.ts",
    refused: [
      ...wire,
      ...gen,
      ...onnx,
      "src/rpc/planted.ts",
      "src/service/planted.ts",
      "src/engine/planted.ts",
      "src/storage/planted.ts",
      "src/main.ts",
      "src/cli.ts",
      "src/cli/planted.ts",
    ],
    allowed: ["node:fs", "src/planted-helper.ts"],
  },
  {
    name: "main",
    file: "src/main.ts",
    refused: [...wire, ...gen, ...onnx],
    allowed: ["src/rpc/planted.ts", "src/service/planted.ts", "src/engine/planted.ts"],
  },
  {
    name: "doctor",
    file: "src/doctor/planted.ts",
    refused: [...wire, ...gen, ...onnx],
    allowed: ["src/rpc/planted.ts", "src/service/planted.ts", "src/engine/planted.ts"],
  },
  {
    name: "cli",
    file: "src/cli/planted.ts",
    refused: [
      ...onnx,
      "fastify",
      "@connectrpc/connect-fastify",
      "src/rpc/planted.ts",
      "src/service/planted.ts",
      "src/engine/planted.ts",
      "src/storage/planted.ts",
      "src/dashboard/planted.ts",
      "src/main.ts",
      "src/cli.ts",
    ],
    allowed: [
      ...gen,
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "@bufbuild/protobuf",
      "src/planted-helper.ts",
      "src/cli/planted-helper.ts",
    ],
  },
  {
    name: "rpc",
    file: "src/rpc/planted.ts",
    refused: [
      ...onnx,
      "src/storage/planted.ts",
      "src/dashboard/planted.ts",
      "src/main.ts",
      "src/cli.ts",
      "src/cli/planted.ts",
    ],
    allowed: [...wire, ...gen, "src/service/planted.ts", "src/planted-helper.ts"],
  },
  {
    name: "dashboard",
    file: "src/dashboard/planted.ts",
    refused: [
      ...onnx,
      "fastify",
      "@connectrpc/connect-node",
      "@connectrpc/connect-fastify",
      "node:fs",
      "src/rpc/planted.ts",
      "src/service/planted.ts",
      "src/engine/planted.ts",
      "src/storage/planted.ts",
      "src/config/config.ts",
      "src/cli/planted.ts",
    ],
    allowed: [
      ...gen,
      "@connectrpc/connect",
      "@connectrpc/connect-web",
      "@bufbuild/protobuf",
      "preact",
      "uplot",
      "src/dashboard/planted-helper.ts",
      "src/dashboard/state/planted-helper.ts",
    ],
  },
  {
    name: "service",
    file: "src/service/planted.ts",
    refused: [
      ...wire,
      ...gen,
      ...onnx,
      "src/rpc/planted.ts",
      "src/main.ts",
      "src/cli.ts",
      "src/cli/planted.ts",
    ],
    allowed: ["src/engine/planted.ts", "src/storage/planted.ts", "src/planted-helper.ts"],
  },
  {
    name: "engine",
    file: "src/engine/planted.ts",
    refused: [
      ...wire,
      ...gen,
      ...onnx,
      "src/rpc/planted.ts",
      "src/service/planted.ts",
      "src/storage/planted.ts",
      "src/main.ts",
      "src/cli.ts",
      "src/cli/planted.ts",
    ],
    allowed: ["src/planted-helper.ts"],
  },
  {
    name: "onnx-engine",
    file: "src/engine/onnx/session/onnx-engine.ts",
    refused: [
      ...wire,
      ...gen,
      "src/rpc/planted.ts",
      "src/service/planted.ts",
      "src/storage/planted.ts",
      "src/main.ts",
      "src/cli.ts",
      "src/cli/planted.ts",
    ],
    allowed: [...onnx, "src/planted-helper.ts"],
  },
  {
    name: "storage",
    file: "src/storage/planted.ts",
    refused: [
      ...wire,
      ...gen,
      ...onnx,
      "src/rpc/planted.ts",
      "src/service/planted.ts",
      "src/engine/planted.ts",
      "src/main.ts",
      "src/cli.ts",
      "src/cli/planted.ts",
    ],
    allowed: ["src/planted-helper.ts"],
  },
];
