import { fillParts, markdownTable } from "../generated-parts.ts";
import { folderOf } from "./lint-rules.ts";
import type { Room } from "./room.ts";

/** `page` with a renewed table of the folders of src/. */
export function withRoomTable(page: string, rooms: readonly Room[]): string {
  const rows = rooms.map((room) => [`\`${folderOf(room)}/\``, room.question, room.runs]);
  return fillParts(page, { rooms: () => markdownTable(["Folder", "Question", "Runs in"], rows) });
}
