import type { ReportWish } from "./text-item.ts";

// An item as it travels from the server to a host. Both are of one program, so it has no version. First flags (uint8),
// the wish (uint8) and to what it is cut (uint32, little-endian like all else). Then either the ids (int32) up to the
// end, or the prompt, the text and its pair, as far as there are any, each as its length (uint32) and its UTF-8.

export const headBytes = 6;

export const flags = { ids: 1, pair: 2, prompt: 4, addSpecial: 8, left: 16, right: 32 } as const;

export const knownFlags = 63;

/** By their numbers. */
export const wishes: readonly ReportWish[] = ["tokens", "ids", "offsets", "entities"];

/** Any other number is that of tokens. */
export const truncateCodes = { error: 0, model: 0xffff_ffff } as const;
