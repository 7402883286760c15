import { inferenceSettings } from "../src/config/run-settings.ts";
import {
  describeDefault,
  describeRange,
  type Setting,
  type SettingRows,
} from "../src/config/setting.ts";
import { settingGroups } from "../src/config/settings.ts";
import { modelSettingFields } from "../src/service/lifecycle/model-settings.ts";
import { fillParts, markdownTable } from "./generated-parts.ts";

/** What is made of the code, by the word that marks its place in docs/configuration.md. */
const parts: Readonly<Record<string, () => string>> = {
  settings: settingTables,
  "settings of a model": modelSettingTable,
};

/** `page` with its generated parts made anew. Throws if it lacks the place of one. */
export function generateReference(page: string): string {
  return fillParts(page, parts);
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
