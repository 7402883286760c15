import { classesOf, newer } from "./code-points.ts";
import { widthAt } from "./piece.ts";

export type NormalForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** A text in a normal form, as the Rust library makes it: characters that are newer than its tables stay as they are. */
export function normalForm(text: string, form: NormalForm): string {
  let output = "";
  let known = 0;
  for (let at = 0; at < text.length; ) {
    const end = at + widthAt(text, at);
    if (classesOf(text.codePointAt(at) as number) & newer) {
      output += normalizeKnown(text.slice(known, at), form) + text.slice(at, end);
      known = end;
    }
    at = end;
  }
  return known === 0
    ? normalizeKnown(text, form)
    : output + normalizeKnown(text.slice(known), form);
}

function normalizeKnown(text: string, form: NormalForm): string {
  const normalized = text.normalize(form);
  if (form === "NFD" || form === "NFKD" || normalized === text) return normalized;
  // Newer characters that others were joined to.
  return [...normalized]
    .map((character) => {
      const isNewer = (classesOf(character.codePointAt(0) as number) & newer) !== 0;
      return isNewer ? character.normalize("NFD") : character;
    })
    .join("");
}
