import { fillParts, placeFor } from "../generated-parts.ts";
import { folderOf } from "./lint-rules.ts";
import type { Room } from "./room.ts";

/** The README of a room's folder: `text` with the generated part renewed from the table of rooms. "" makes a
 *  new one. */
export function withRoom(text: string, room: Room): string {
  const page = text === "" ? `# ${folderOf(room)}\n\n${placeFor("room")}` : text;
  return fillParts(page, { room: () => facts(room) });
}

function facts({ question, runs, blocks, imports, packages = [] }: Room): string {
  const names = [...imports.map((path) => `\`${path}\``), ...packages];
  return [
    `- **Question:** ${question}`,
    `- **Runs in:** ${runs}.`,
    `- **May import:** ${names.length === 0 ? "nothing of ours" : names.join(", ")}.`,
    `- **May block:** ${blocks}.\n`,
  ].join("\n");
}
