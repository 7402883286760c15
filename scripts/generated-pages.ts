import { generateReference } from "./configuration-page.ts";
import { generateMetricsPage } from "./metrics-page.ts";
import { folderOf, withLintRules } from "./rooms/lint-rules.ts";
import { withRoom } from "./rooms/room-readme.ts";
import { withRoomTable } from "./rooms/room-table.ts";
import { rooms } from "./rooms/rooms.ts";

/** Files with parts that the code is the source of, and what makes these anew. A file that is not there is made of "". */
export const generatedPages: Readonly<Record<string, (page: string) => string>> = {
  "docs/configuration.md": generateReference,
  "docs/metrics.md": generateMetricsPage,
  "docs/architecture.md": (page) => withRoomTable(page, rooms),
  "biome.json": (text) => withLintRules(text, rooms),
  ...Object.fromEntries(
    rooms.map((room) => [`${folderOf(room)}/README.md`, (text: string) => withRoom(text, room)]),
  ),
};
