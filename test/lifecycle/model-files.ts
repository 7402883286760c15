import { type VirtualDisk, virtualRoot } from "./virtual-disk.ts";

interface ModelFileFacts {
  readonly path: string;
  /** Upper bound, as the engine tells before it loads. */
  readonly estimatedBytes: number;
  /** What it takes in truth; different for every file, so that a size tells which one was loaded. */
  readonly trueBytes: number;
}

export const capacityBytes = 1_000_000;
export const repositoryFolder = `${virtualRoot}/repository`;
/** Of the model "versioned" in the repository; not all are always there. */
export const allVersions = ["1", "2", "3"] as const;

/** Some fit beside each other, some do not, one never fits. */
export const loadableFiles: readonly ModelFileFacts[] = [
  { path: `${virtualRoot}/small.onnx`, estimatedBytes: 150_000, trueBytes: 120_000 },
  { path: `${virtualRoot}/middle.onnx`, estimatedBytes: 340_000, trueBytes: 310_000 },
  { path: `${virtualRoot}/large.onnx`, estimatedBytes: 620_000, trueBytes: 480_000 },
  { path: `${virtualRoot}/exact.onnx`, estimatedBytes: 260_000, trueBytes: 260_000 },
  { path: `${virtualRoot}/giant.onnx`, estimatedBytes: 1_000_001, trueBytes: 900_000 },
  { path: `${repositoryFolder}/plain.onnx`, estimatedBytes: 90_000, trueBytes: 80_000 },
  ...allVersions.map((version, index) => ({
    path: versionFolder(version),
    estimatedBytes: 70_000,
    trueBytes: 60_000 + index,
  })),
];

/** What callers of loadModel ask for: the last three can never be loaded. */
export const askedPaths: readonly string[] = [
  ...loadableFiles.slice(0, 4).map(({ path }) => path),
  `${virtualRoot}/giant.onnx`,
  `${virtualRoot}/junk.onnx`,
  `${virtualRoot}/missing.onnx`,
];

/** Undefined for a path that can never be loaded. */
export function trueBytesOf(path: string): number | undefined {
  return loadableFiles.find((file) => file.path === path)?.trueBytes;
}

/** What a load takes at most, and the same file is predicted to take from then on. */
export function neededBytesOf(path: string): number | undefined {
  const file = loadableFiles.find((each) => each.path === path);
  return file && Math.max(file.estimatedBytes, file.trueBytes);
}

export function versionFolder(version: string): string {
  return `${repositoryFolder}/versioned/${version}`;
}

/** Puts a version into the repository, or changes its file. */
export function writeVersion(disk: VirtualDisk, version: string): void {
  disk.write(`${versionFolder(version)}/model.onnx`, trueBytesOf(versionFolder(version)) ?? 0);
}
