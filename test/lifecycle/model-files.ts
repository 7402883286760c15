import { type VirtualDisk, virtualRoot } from "./virtual-disk.ts";

interface ModelFileFacts {
  readonly path: string;
  /** As the engine tells before it loads: an upper bound, unless the file is not clear. */
  readonly estimatedBytes: number;
  /** What the engine is sure of if the file is not clear. */
  readonly unclearFromBytes?: number;
  /** What it takes in truth; different for every file, so that a size tells which one was loaded. */
  readonly trueBytes: number;
  /** What a run of it needs beside that, as a share of what all runs may take at once; none: nothing that books
   *  are kept of. */
  readonly runShare?: number;
}

export const capacityBytes = 1_000_000;
export const repositoryFolder = `${virtualRoot}/repository`;
/** Of the model "versioned" in the repository; not all are always there. */
export const allVersions = ["1", "2", "3"] as const;

/** Some fit beside each other, some do not, one never fits; of one the engine has no idea. */
export const loadableFiles: readonly ModelFileFacts[] = [
  {
    path: `${virtualRoot}/small.onnx`,
    estimatedBytes: 150_000,
    trueBytes: 120_000,
    runShare: 0.6,
  },
  {
    path: `${virtualRoot}/middle.onnx`,
    estimatedBytes: 340_000,
    trueBytes: 310_000,
    runShare: 0.6,
  },
  {
    path: `${virtualRoot}/large.onnx`,
    estimatedBytes: 620_000,
    trueBytes: 480_000,
    runShare: 1,
  },
  {
    path: `${virtualRoot}/exact.onnx`,
    estimatedBytes: 260_000,
    trueBytes: 260_000,
    runShare: 0.55,
  },
  {
    path: `${virtualRoot}/odd.onnx`,
    estimatedBytes: 7_000_000,
    unclearFromBytes: 40_000,
    trueBytes: 440_000,
    runShare: 0.9,
  },
  { path: `${virtualRoot}/giant.onnx`, estimatedBytes: 1_000_001, trueBytes: 900_000 },
  {
    path: `${repositoryFolder}/plain.onnx`,
    estimatedBytes: 90_000,
    trueBytes: 80_000,
    runShare: 0.7,
  },
  ...allVersions.map((version, index) => ({
    path: versionFolder(version),
    estimatedBytes: 70_000,
    trueBytes: 60_000 + index,
    runShare: 0.6,
  })),
];

/** What callers of loadModel ask for: the last three can never be loaded. */
export const askedPaths: readonly string[] = [
  ...loadableFiles.slice(0, 5).map(({ path }) => path),
  `${virtualRoot}/giant.onnx`,
  `${virtualRoot}/junk.onnx`,
  `${virtualRoot}/missing.onnx`,
];

/** Undefined for a path that can never be loaded. */
export function trueBytesOf(path: string): number | undefined {
  return loadableFiles.find((file) => file.path === path)?.trueBytes;
}

/** Measurements of the same model differ by so much from host to host. */
const noiseShare = 0.05;

/** What is measured of a file: a bit more when it is loaded again into another host. */
export function measuredBytesOf(path: string, isReload: boolean): number {
  return Math.round((trueBytesOf(path) ?? 0) * (isReload ? 1 + noiseShare : 1));
}

/** Whether this is a size that was measured of the file at some time. */
export function isSizeOf(path: string, bytes: number): boolean {
  return [true, false].some((isReload) => measuredBytesOf(path, isReload) === bytes);
}

/** `budgetBytes`: what all runs may take at once. */
export function runBytesOf(path: string, budgetBytes: number): number {
  const { runShare = 0 } = loadableFiles.find((file) => file.path === path) ?? {};
  return Math.floor(runShare * budgetBytes);
}

/** Whether the engine knows how much a file takes before it loads it. */
export function isClear(path: string): boolean {
  return loadableFiles.find((file) => file.path === path)?.unclearFromBytes === undefined;
}

export function versionFolder(version: string): string {
  return `${repositoryFolder}/versioned/${version}`;
}

/** Puts a version into the repository, or changes its file. */
export function writeVersion(disk: VirtualDisk, version: string): void {
  disk.write(`${versionFolder(version)}/model.onnx`, trueBytesOf(versionFolder(version)) ?? 0);
}
