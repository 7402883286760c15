/** A folder of src/: one question that it answers, where it runs, and what it may import. */
export interface Room {
  /** Below src/; "." is src/ itself. */
  readonly path: string;
  readonly question: string;
  /** The process and the thread that its code runs in. */
  readonly runs: string;
  /** Which parts may block, and for how long. */
  readonly blocks: string;
  /** Rooms, and files of rooms, below src/ that it may import. Its own files are always allowed; those of
   *  folders below it are not. */
  readonly imports: readonly string[];
  readonly packages?: readonly PackageGroup[];
  /** Whether it may use the blocking file calls of `node:fs`. */
  readonly hasBlockingFiles?: true;
  /** Whether the rules also apply to all folders below it that are not rooms themselves. */
  readonly isDeep?: true;
}

/** Packages that only some rooms may import, and gen/, as patterns of specifiers. */
export const packageGroups = {
  fastify: ["fastify", "fastify/**", "@fastify/**"],
  connect: ["@connectrpc/connect", "@connectrpc/connect/**", "@bufbuild/**"],
  "connect server": ["@connectrpc/connect-fastify"],
  "connect for Node": ["@connectrpc/connect-node"],
  "connect for browsers": ["@connectrpc/connect-web"],
  "node built-ins": ["node:*"],
  "Hugging Face tokenizers": ["@huggingface/tokenizers"],
  "ONNX Runtime": ["onnxruntime-node", "onnxruntime-node/**"],
  "generated code": ["**/gen/**"],
} as const;

export type PackageGroup = keyof typeof packageGroups;
