import type { Setting, SettingValue } from "./setting.ts";
import type { SourcedSettings } from "./setting-sources.ts";
import { type SettingName, settings } from "./settings.ts";

/** Shown instead of a secret. */
export const hiddenValue = "(hidden)";

export interface ShownSetting {
  /** Null if there is none. */
  readonly value: Exclude<SettingValue, undefined> | null;
  readonly source: string;
  /** The flag, variable or place in a file; absent for defaults. */
  readonly from?: string;
}

/** Every setting by its name, for programs; secrets are hidden. */
export function showSettings(values: SourcedSettings["values"]): Record<string, ShownSetting> {
  const rows = Object.entries<Setting>(settings);
  return Object.fromEntries(
    rows.map(([name, { isSecret }]) => {
      const { value = null, source } = values[name as SettingName];
      const isHidden = isSecret === true && value !== "" && value !== null;
      const from = source.kind === "default" ? {} : { from: source.name };
      return [name, { value: isHidden ? hiddenValue : value, source: source.kind, ...from }];
    }),
  );
}
