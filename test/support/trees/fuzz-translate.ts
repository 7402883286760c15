import assert from "node:assert/strict";
import { RuntimeError } from "../../../src/base/errors.ts";
import type { Translate } from "../../../src/engine/translator/translation.ts";
import { mutateBytes, type Random } from "../attacks/mutate.ts";
import { openTranslated } from "./run-translated.ts";

export interface TranslatorFuzz {
  readonly translate: Translate;
  readonly file: Uint8Array;
  readonly random: Random;
}

/** How many damaged files ended how. */
export interface FuzzOutcome {
  readonly refused: number;
  readonly translated: number;
}

/** Of each kind of damage, how many files are tried: cuts and flips at every byte of shorter files. */
const most = Number(process.env["MODELPORT_TRANSLATED_MUTANTS"] || 300);
const maxSplits = 10_000;
/** Sessions take a while: not every translation of a damaged file is opened. */
const openedShare = 16;

/** Tries the file cut off at its bytes, with a flipped bit in its bytes, and with worse wounds. Each must end in a refusal of
 *  one line, or in a model that ONNX Runtime loads. */
export function fuzzTranslator({ translate, file, random }: TranslatorFuzz): FuzzOutcome {
  let refused = 0;
  let translated = 0;
  const attempt = (damaged: Uint8Array, what: string) => {
    const onnx = translationOf(damaged, { translate, what });
    if (onnx === undefined) {
      refused++;
      return;
    }
    if (translated++ % openedShare === 0) openTranslated(onnx).release();
  };
  for (const at of places(file.length, random)) {
    attempt(file.slice(0, at), `cut off at byte ${at}`);
  }
  for (const at of places(file.length, random)) {
    const flipped = file.slice();
    const bit = random.below(8);
    flipped[at] = (flipped[at] as number) ^ (1 << bit);
    attempt(flipped, `bit ${bit} of byte ${at} flipped`);
  }
  for (let count = 0; count < most; count++) {
    const wounded = mutateBytes(file, random);
    attempt(wounded, `wounded: ${wounded.toString("base64")}`);
  }
  return { refused, translated };
}

function translationOf(
  damaged: Uint8Array,
  { translate, what }: { readonly translate: Translate; readonly what: string },
): Uint8Array | undefined {
  try {
    return translate(damaged, { maxSplits }).onnx;
  } catch (reason) {
    if (!(reason instanceof RuntimeError))
      throw new Error(`a file ${what} crashed`, { cause: reason });
    assert.equal(reason.kind, "invalid-argument", what);
    assert.match(reason.message, /^[^\n]{20,1000}$/, what);
    return undefined;
  }
}

function places(length: number, random: Random): number[] {
  if (length <= most) return Array.from({ length }, (_, at) => at);
  return Array.from({ length: most }, () => random.below(length));
}
