/** The result of one check of this machine or its settings. */
export interface Finding {
  /** What was checked, in a word or two. */
  readonly check: string;
  /** "fail": the server does not start, or does not do its work; "warn": this may happen. */
  readonly level: "ok" | "warn" | "fail";
  readonly message: string;
  /** What to do about it; absent for "ok". */
  readonly advice?: string;
}

export type Judge = (level: Finding["level"], message: string, advice?: string) => Finding;

/** Creates the findings of one check. */
export function judgeOf(check: string): Judge {
  return (level, message, advice) => ({
    check,
    level,
    message,
    ...(advice === undefined ? {} : { advice }),
  });
}

/** In binary units, with as many digits as people read. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
