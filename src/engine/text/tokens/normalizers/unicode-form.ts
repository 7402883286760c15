import { classesOf, mark } from "../pieces/code-points.ts";
import { type NormalForm, normalForm } from "../pieces/normal-form.ts";
import { type Piece, widthAt } from "../pieces/piece.ts";
import { PieceWriter } from "../pieces/piece-writer.ts";
import type { Normalizer } from "./normalizer.ts";

/** One of Unicode's normal forms. Where characters come from is found for each base with its marks. */
export function unicodeForm(form: NormalForm): Normalizer {
  return (piece) => {
    const normalized = normalForm(piece.text, form);
    if (normalized === piece.text) return piece;
    if (piece.origin === undefined) return { ...piece, text: normalized };
    const traced = normalizeClusters(piece, form);
    // A few characters join with bases. Their texts keep an origin for each character by its place.
    return traced.text === normalized ? traced : rewrite(piece, normalized);
  };
}

function normalizeClusters(piece: Piece, form: NormalForm): Piece {
  const { text } = piece;
  const writer = new PieceWriter(piece);
  for (let at = 0; at < text.length; ) {
    let end = at + widthAt(text, at);
    while (end < text.length && isJoining(text.codePointAt(end) as number)) {
      end += widthAt(text, end);
    }
    const cluster = text.slice(at, end);
    if (normalForm(cluster, form) === cluster) writer.copy(at, end);
    else writeCluster(writer, text, { start: at, cluster, form });
    at = end;
  }
  return writer.finish();
}

/** Marks, the half-width letters that become marks, and the vowels and final consonants of Hangul. */
function isJoining(codePoint: number): boolean {
  return (
    (classesOf(codePoint) & mark) !== 0 ||
    codePoint === 0xff9e ||
    codePoint === 0xff9f ||
    (codePoint >= 0x1160 && codePoint <= 0x11ff) ||
    (codePoint >= 0xd7b0 && codePoint <= 0xd7ff)
  );
}

interface Cluster {
  /** Where it starts in the text. */
  readonly start: number;
  readonly cluster: string;
  readonly form: NormalForm;
}

/** As the Rust library counts: characters take those of the text in turn, whatever their order was. One that was joined of
 *  several takes as many, and comes from the first. One that a decomposition added comes from the one taken last. */
function writeCluster(writer: PieceWriter, text: string, { start, cluster, form }: Cluster): void {
  let last = start;
  let next = start;
  for (const { character, taken } of countTaken(cluster, form)) {
    if (taken > 0) last = next;
    writer.write(character, last, last + widthAt(text, last));
    for (let count = 0; count < taken; count++) {
      last = next;
      next += widthAt(text, next);
    }
  }
}

interface Taken {
  readonly character: string;
  /** How many characters of the text it takes the place of. */
  readonly taken: number;
}

function countTaken(cluster: string, form: NormalForm): Taken[] {
  const isComposed = form === "NFC" || form === "NFKC";
  const decomposition = form === "NFC" || form === "NFD" ? "NFD" : "NFKD";
  /** By character of the decomposition: what each takes, in the order of the text. */
  const queues = new Map<string, number[]>();
  for (const source of cluster) {
    [...normalForm(source, decomposition)].forEach((character, at) => {
      const queue = queues.get(character);
      const taken = at === 0 ? 1 : 0;
      if (queue === undefined) queues.set(character, [taken]);
      else queue.push(taken);
    });
  }
  for (const queue of queues.values()) queue.reverse();
  const take = (character: string): number => queues.get(character)?.pop() ?? 0;
  return [...normalForm(cluster, form)].map((character) => {
    const parts = isComposed ? [...normalForm(character, "NFD")] : [character];
    return { character, taken: parts.reduce((sum, part) => sum + take(part), 0) };
  });
}

function rewrite(piece: Piece, output: string): Piece {
  const writer = new PieceWriter(piece);
  writer.write(output, 0, piece.text.length);
  return writer.finish();
}
