import { RuntimeError } from "../../../base/errors.ts";

/** Throws the refusal of a file. `message`: what is wrong and what to do. */
export function refuse(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}

/** A name from a file, for a message: printable, and short. */
export function shown(name: string): string {
  const clean = name.replace(/[^\x20-\x7e]/g, "?");
  return clean.length <= 80 ? clean : `${clean.slice(0, 79)}…`;
}
