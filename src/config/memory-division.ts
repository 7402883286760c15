import { availableParallelism } from "node:os";
import type { MemoryDivision } from "../base/memory-parts.ts";

const MiB = 1024 * 1024;

/** What the operator set for the parts, in bytes; undefined where nothing was set. */
export interface MemoryWishes {
  readonly container: number;
  /** Everything that is not for models. 0: models get the whole container, and the other parts come on top of
   *  it. */
  readonly buffer: number | undefined;
  readonly runs: number | undefined;
  readonly payloads: number | undefined;
  readonly sharedHosts: number | undefined;
  /** Per shared host; 0: unlimited, and no part. */
  readonly hostWaste: number | undefined;
  /** Of the cache of embeddings, which the server holds. Default: 0. */
  readonly embeddingCache?: number;
  /** Of the payload log, which the server holds: its queue and its thread. Default: 0, it is off. */
  readonly payloadLog?: number;
  /** The largest message: calls must be able to hold one. */
  readonly largestMessage: number;
  /** The smallest capacity that ModelMesh accepts. */
  readonly leastModels: number;
  /** Default: those of this machine. */
  readonly cores?: number;
}

export interface Division {
  readonly division: MemoryDivision;
  readonly sharedHosts: number;
  readonly hostWaste: number;
  /** What everything except models needs at least. A smaller `buffer` does not work. */
  readonly leastBuffer: number;
  /** A smaller container does not work. */
  readonly leastContainer: number;
}

/** The server in use, at its peak without calls: its code, the heap with uncollected garbage, its threads.
 *  Measured: 66 MiB as the image starts it, 97 from sources, some 50 more under load. */
const serverBytes = 160 * MiB;
/** A host without a model. Measured: 19 to 24 MiB, 33 at its very first start from sources. */
const hostBytes = 32 * MiB;
/** For small runs on small models. */
const leastRunBytes = 32 * MiB;
const mostRunBytes = 4096 * MiB;
const mostPayloadBytes = 512 * MiB;
const leastWasteBytes = 16 * MiB;
const mostWasteBytes = 64 * MiB;

// Default shares: hosts and their waste are shares of the container, runs and payloads of what the server and
// the hosts leave.
const hostShare = 1 / 8;
const wasteShare = 1 / 64;
const runShare = 1 / 4;
const payloadShare = 1 / 8;
/** Share of payloads in a configured buffer; the rest is for runs. */
const payloadShareOfBuffer = 1 / 3;

/** Divides the container. Parts that are not configured are derived from what is left. If the configured ones
 *  do not fit, models get what is left, at least 0, and `leastBuffer` and `leastContainer` say what would
 *  fit. */
export function divideMemory(wishes: MemoryWishes): Division {
  const { container } = wishes;
  if (wishes.buffer === 0) return divideBeside(wishes);
  const { sharedHosts, hostWaste, bytes: hosts } = planHosts(wishes);
  const rest = (wishes.buffer ?? container) - serverOf(wishes) - hosts;
  const { runs, payloads } =
    wishes.buffer === undefined ? freely(wishes, rest) : exactly(wishes, rest);
  const buffer = wishes.buffer ?? serverOf(wishes) + hosts + runs + payloads;
  return {
    division: Object.freeze({
      container,
      models: Math.max(0, container - buffer),
      runs,
      payloads,
      server: serverOf(wishes),
      hosts,
    }),
    sharedHosts,
    hostWaste,
    leastBuffer: leastBufferOf(wishes),
    leastContainer: leastContainerOf(wishes),
  };
}

/** The whole container is for models, and the other parts are sized as they would be beside that capacity. */
function divideBeside(wishes: MemoryWishes): Division {
  const { container } = wishes;
  const larger = { ...wishes, container: 2 * container + leastBufferOf(wishes), buffer: undefined };
  const divided = divideMemory(larger);
  return {
    ...divided,
    division: Object.freeze({ ...divided.division, container, models: container }),
    leastBuffer: 0,
    leastContainer: wishes.leastModels,
  };
}

function planHosts(
  wishes: MemoryWishes,
): Pick<Division, "sharedHosts" | "hostWaste"> & { readonly bytes: number } {
  const hostWaste = wasteOf(wishes);
  const sharedHosts = wishes.sharedHosts ?? usualHosts(wishes, hostWaste);
  return { sharedHosts, hostWaste, bytes: bytesOfHosts(sharedHosts, hostWaste) };
}

/** The server with its cache and its payload log. */
function serverOf({ embeddingCache = 0, payloadLog = 0 }: MemoryWishes): number {
  return serverBytes + embeddingCache + payloadLog;
}

/** One per core, unless there is little room for that many. */
function usualHosts(wishes: MemoryWishes, hostWaste: number): number {
  const { container, buffer, leastModels, cores = availableParallelism() } = wishes;
  const room = (buffer ?? container - leastModels) - serverOf(wishes) - leastOfCalls(wishes);
  const bytes = Math.min(container * hostShare, room) - hostBytes;
  return within(1, Math.floor(bytes / (hostBytes + hostWaste)), cores);
}

function wasteOf({ container, hostWaste }: MemoryWishes): number {
  const share = wholeMiB(container * wasteShare);
  return hostWaste ?? within(leastWasteBytes, share, mostWasteBytes);
}

/** Including the spare one. */
function bytesOfHosts(sharedHosts: number, hostWaste: number): number {
  return (sharedHosts + 1) * hostBytes + sharedHosts * hostWaste;
}

function leastOfCalls({ payloads, runs, largestMessage }: MemoryWishes): number {
  return (payloads ?? largestMessage) + (runs ?? leastRunBytes);
}

function leastBufferOf(wishes: MemoryWishes): number {
  const { sharedHosts = 1 } = wishes;
  return serverOf(wishes) + bytesOfHosts(sharedHosts, wasteOf(wishes)) + leastOfCalls(wishes);
}

/** In a larger container hosts may waste more, which also enlarges its buffer: up to where both fit. */
function leastContainerOf(wishes: MemoryWishes): number {
  const { buffer = 0, leastModels } = wishes;
  for (let container = leastModels; ; ) {
    const least = Math.max(buffer, leastBufferOf({ ...wishes, container })) + leastModels;
    if (!(least > container)) return container;
    container = least;
  }
}

/** One line for people. */
export function describeDivision(division: MemoryDivision): string {
  const { container, models, runs, payloads, server, hosts } = division;
  const ofRuns = runs === 0 ? "runs without a limit" : `${mib(runs)} for runs`;
  return (
    `${mib(container)}: ${mib(models)} for models, ${ofRuns}, ${mib(payloads)} for calls, ` +
    `${mib(server)} for the server, ${mib(hosts)} for its hosts`
  );
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MiB)} MiB`;
}

type Parts = Pick<MemoryDivision, "runs" | "payloads">;

/** Runs and payloads out of `rest` bytes, of which models want their part too. */
function freely(wishes: MemoryWishes, rest: number): Parts {
  const { largestMessage, leastModels, runs: leastRuns = leastRunBytes } = wishes;
  const share = Math.min(rest * payloadShare, rest - leastModels - leastRuns);
  const payloads = wishes.payloads ?? within(largestMessage, wholeMiB(share), mostPayloadBytes);
  const room = Math.min(rest * runShare, rest - leastModels - payloads);
  const runs = wishes.runs ?? within(leastRunBytes, wholeMiB(room), mostRunBytes);
  return { payloads, runs };
}

/** Runs and payloads that take `rest` bytes together, except where their size was set. */
function exactly({ runs, payloads, largestMessage }: MemoryWishes, rest: number): Parts {
  if (payloads !== undefined) {
    return { payloads, runs: runs ?? Math.max(leastRunBytes, rest - payloads) };
  }
  if (runs !== undefined) {
    return { runs, payloads: within(largestMessage, rest - runs, mostPayloadBytes) };
  }
  const calls = within(largestMessage, wholeMiB(rest * payloadShareOfBuffer), mostPayloadBytes);
  return { payloads: calls, runs: Math.max(leastRunBytes, rest - calls) };
}

/** `least` takes precedence over `most`. */
function within(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}

/** Rounded, so that reported figures match. */
function wholeMiB(bytes: number): number {
  return Math.floor(bytes / MiB) * MiB;
}
