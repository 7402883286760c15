import type { ConfigFields } from "../config-fields.ts";
import { classesAt, numeric, punctuation, whiteSpace, word } from "../pieces/code-points.ts";
import { slicePiece, widthAt } from "../pieces/piece.ts";
import { byteLevel } from "./byte-level.ts";
import { createPattern } from "./create-pattern.ts";
import { Cutter, readBehavior } from "./delimiters.ts";
import { metaspace } from "./metaspace.ts";
import type { Splitter } from "./splitter.ts";

const kinds: Readonly<Record<string, (config: ConfigFields) => Splitter>> = {
  BertPreTokenizer: () => bertWords,
  ByteLevel: byteLevel,
  Digits: digits,
  Metaspace: metaspace,
  Punctuation: punctuationWords,
  Sequence: sequence,
  Split: split,
  Whitespace: () => whitespace,
  WhitespaceSplit: () => whitespaceSplit,
};

/** The pre-tokenizer that tokenizer.json describes. Throws RuntimeError "invalid-argument" for one that is not known. */
export function createSplitter(config: ConfigFields): Splitter {
  const create = Object.hasOwn(kinds, config.type) ? kinds[config.type] : undefined;
  if (create === undefined) throw config.unknown("type", Object.keys(kinds));
  return create(config);
}

/** Runs of characters of one kind become words; those of kind 0 are dropped, those of `lone` stand alone. */
function byKind(kindOf: (classes: number) => number, lone?: number): Splitter {
  return (piece, emit) => {
    const { text } = piece;
    for (let at = 0; at < text.length; ) {
      const kind = kindOf(classesAt(text, at));
      let end = at + widthAt(text, at);
      if (kind !== lone) {
        while (end < text.length && kindOf(classesAt(text, end)) === kind) {
          end += widthAt(text, end);
        }
      }
      if (kind !== 0) emit(slicePiece(piece, at, end));
      at = end;
    }
  };
}

/** Splits at white space, and each punctuation character is a word. */
const bertWords = byKind((classes) => {
  if (classes & whiteSpace) return 0;
  return classes & punctuation ? 2 : 1;
}, 2);

const whitespaceSplit = byKind((classes) => (classes & whiteSpace ? 0 : 1));

/** \w+|[^\w\s]+ */
const whitespace = byKind((classes) => {
  if (classes & word) return 1;
  return classes & whiteSpace ? 0 : 2;
});

function sequence(config: ConfigFields): Splitter {
  const steps = config.objects("pretokenizers").map(createSplitter);
  return steps.reduceRight<Splitter>(
    (rest, step) => (piece, emit) => step(piece, (part) => rest(part, emit)),
    (piece, emit) => emit(piece),
  );
}

function split(config: ConfigFields): Splitter {
  const pattern = createPattern(config);
  const behavior = readBehavior(config, "Isolated");
  const isInverted = config.flag("invert", false);
  return (piece, emit) => {
    const cutter = new Cutter(piece, behavior, emit);
    let end = 0;
    for (const { index, 0: match } of piece.text.matchAll(pattern)) {
      if (index > end) cutter.add(index, isInverted);
      end = index + match.length;
      if (match !== "") cutter.add(end, !isInverted);
    }
    if (end < piece.text.length) cutter.add(piece.text.length, isInverted);
    cutter.finish();
  };
}

function punctuationWords(config: ConfigFields): Splitter {
  const behavior = readBehavior(config, "Isolated");
  return (piece, emit) => cutAtClass(new Cutter(piece, behavior, emit), piece.text, punctuation);
}

function digits(config: ConfigFields): Splitter {
  const behavior = config.flag("individual_digits", false) ? "Isolated" : "Contiguous";
  return (piece, emit) => cutAtClass(new Cutter(piece, behavior, emit), piece.text, numeric);
}

/** Each character of a class is a delimiter. */
function cutAtClass(cutter: Cutter, text: string, delimiter: number): void {
  let isOpen = false;
  for (let at = 0; at < text.length; ) {
    const isDelimiter = (classesAt(text, at) & delimiter) !== 0;
    const end = at + widthAt(text, at);
    if (isDelimiter) {
      if (isOpen) cutter.add(at, false);
      cutter.add(end, true);
    }
    isOpen = !isDelimiter;
    at = end;
  }
  if (isOpen) cutter.add(text.length, false);
  cutter.finish();
}
