/** What a number counts. Values are always written in it. */
export type Unit = "bytes" | "ms" | "µs" | "rows";

/** A row of the schema: how one setting is called, what it may be, and what it means. */
export interface Setting {
  readonly env: string;
  /** Variables of other programs that mean the same, in the same unit. */
  readonly aliases?: readonly string[];
  readonly type: "text" | "integer" | "number" | "choice";
  readonly unit?: Unit;
  readonly default: string | number | undefined;
  /** The default in words, where it depends on the machine or on other settings. */
  readonly defaultText?: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** The text is a list with this between its entries; in a file it may be a list of texts. */
  readonly separator?: string;
  /** Never shown, in problems neither. */
  readonly isSecret?: true;
  readonly doc: string;
}

export type SettingRows = Readonly<Record<string, Setting>>;
export type SettingValue = string | number | undefined;

/** What people read where a setting has its default; "" where there is none. */
export function describeDefault(setting: Setting): string {
  if (setting.defaultText !== undefined) return setting.defaultText;
  return setting.default === undefined ? "" : describeValue(setting.default, setting.unit);
}

/** The values that a setting may have; "" where any text will do. */
export function describeRange({ type, unit, min, max, choices }: Setting): string {
  if (choices !== undefined) return choices.join(", ");
  if (type === "text" || (min === undefined && max === undefined)) return "";
  const least = min === undefined ? "" : describeValue(min, unit);
  if (max === undefined) return `at least ${least}`;
  return min === undefined
    ? `up to ${describeValue(max, unit)}`
    : `${least} to ${describeValue(max, unit)}`;
}

/** As a person would say it, and never less exact: 268435456 bytes are 256 MiB, 300001 are 300001 bytes. */
export function describeValue(value: string | number, unit?: Unit): string {
  if (typeof value === "string" || unit === undefined || value === 0) return `${value}`;
  const larger = scales[unit].find(({ size }) => value % size === 0);
  return larger === undefined ? `${value} ${unit}` : `${value / larger.size} ${larger.name}`;
}

interface Scale {
  readonly name: string;
  readonly size: number;
}

/** The largest first. */
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
