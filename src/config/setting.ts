/** The unit of a number. Values are always written in it. */
export type Unit = "bytes" | "ms" | "µs" | "rows";

/** One row of the schema: a setting's name, its valid values, and its meaning. */
export interface Setting {
  readonly env: string;
  /** Variables of other programs with the same meaning and unit. */
  readonly aliases?: readonly string[];
  readonly type: "text" | "integer" | "number" | "choice";
  readonly unit?: Unit;
  readonly default: string | number | undefined;
  /** The default in words, if it depends on the machine or on other settings. */
  readonly defaultText?: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** The value is a list with this separator; in a file it may be a list of strings. */
  readonly separator?: string;
  /** A flag that is given again adds to the list, one item to a line, instead of replacing the value. */
  readonly repeats?: true;
  /** Never shown, not even in problems. */
  readonly isSecret?: true;
  readonly doc: string;
}

export type SettingRows = Readonly<Record<string, Setting>>;
export type SettingValue = string | number | undefined;

/** The default as documentation shows it; "" if there is none. */
export function describeDefault(setting: Setting): string {
  if (setting.defaultText !== undefined) return setting.defaultText;
  return setting.default === undefined ? "" : describeValue(setting.default, setting.unit);
}

/** The values that a setting may have; "" if any text is valid. */
export function describeRange({ type, unit, min, max, choices }: Setting): string {
  if (choices !== undefined) return choices.join(", ");
  if (type === "text" || (min === undefined && max === undefined)) return "";
  const least = min === undefined ? "" : describeValue(min, unit);
  if (max === undefined) return `at least ${least}`;
  return min === undefined
    ? `up to ${describeValue(max, unit)}`
    : `${least} to ${describeValue(max, unit)}`;
}

/** In the largest unit that is exact: 268435456 bytes are 256 MiB, 300001 are 300001 bytes. */
export function describeValue(value: string | number, unit?: Unit): string {
  if (typeof value === "string" || unit === undefined || value === 0) return `${value}`;
  const larger = scales[unit].find(({ size }) => value % size === 0);
  return larger === undefined ? `${value} ${unit}` : `${value / larger.size} ${larger.name}`;
}

interface Scale {
  readonly name: string;
  readonly size: number;
}

/** Largest first. */
const scales: Readonly<Record<Unit, readonly Scale[]>> = {
  bytes: [
    { name: "TiB", size: 1024 ** 4 },
    { name: "GiB", size: 1024 ** 3 },
    { name: "MiB", size: 1024 ** 2 },
    { name: "KiB", size: 1024 },
  ],
  ms: [
    { name: "h", size: 3_600_000 },
    { name: "min", size: 60_000 },
    { name: "s", size: 1_000 },
  ],
  µs: [
    { name: "h", size: 3_600_000_000 },
    { name: "min", size: 60_000_000 },
    { name: "s", size: 1_000_000 },
    { name: "ms", size: 1_000 },
  ],
  rows: [],
};
