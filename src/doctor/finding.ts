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
