import { inferenceSettings } from "../src/run-settings.ts";
import { modelSettingFields } from "../src/service/model-settings.ts";
import { describeDefault, describeRange, type Setting, type SettingRows } from "../src/setting.ts";
import { settingGroups } from "../src/settings.ts";

/** What is made of the code, by the word that marks its place in docs/configuration.md. */
const parts: Readonly<Record<string, () => string>> = {
  settings: settingTables,
  "settings of a model": modelSettingTable,
};

/** `page` with its generated parts made anew. Throws if it lacks the place of one. */
export function generateReference(page: string): string {
  let made = page;
  for (const [name, generate] of Object.entries(parts)) {
    const [start, end] = [
      `<!-- ${name}: made by \`npm run generate:docs\` -->`,
      `<!-- end of: ${name} -->`,
    ];
    const [from, to] = [made.indexOf(start), made.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/configuration.md has no place for: ${name}`);
    made = `${made.slice(0, from + start.length)}\n\n${generate()}\n${made.slice(to)}`;
  }
  return made;
}

function settingTables(): string {
  return settingGroups.map(({ title, rows }) => `### ${title}\n\n${settingTable(rows)}`).join("\n");
}

function settingTable(rows: SettingRows): string {
  return markdownTable(
    ["Flag and file", "Variable", "Default", "Range", "Meaning"],
    Object.entries(rows).map(([name, setting]) => [
      `\`${name}\``,
      [setting.env, ...(setting.aliases ?? [])].map((variable) => `\`${variable}\``).join(", "),
      describeDefault(setting),
      describeRange(setting),
      `${setting.doc}${writtenIn(setting)}`,
    ]),
  );
}

function modelSettingTable(): string {
  return markdownTable(
    ["Name", "As the flag", "Range", "Meaning"],
    modelSettingFields.map(({ path, row }) => {
      const setting: Setting = inferenceSettings[row];
      const meaning = `${setting.doc}${writtenIn(setting)}`;
      return [`\`${path.join(".")}\``, `\`--${row}\``, describeRange(setting), meaning];
    }),
  );
}

/** Ranges and defaults are told in the unit that fits them; values are written in one. */
function writtenIn({ unit }: Setting): string {
  return unit === undefined || unit === "rows" ? "" : `; in ${unit}`;
}

function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [head, ...body].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |\n`;
  const [first = [], ...others] = rows;
  const dashes = widths.map((width) => "-".repeat(width));
  return [line(first), line(dashes), ...others.map(line)].join("");
}
