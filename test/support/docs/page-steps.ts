/** A block of commands on a page for people. */
export interface PageStep {
  readonly command: string;
  /** Undefined: nothing. */
  readonly printed: string | undefined;
}

/** Every fenced `sh` block, with what follows it: a block of no language that is no further command. */
export function stepsIn(page: string): PageStep[] {
  const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```\n(\s*(?=```))?/gms)];
  return blocks.flatMap(([, language, command = "", isFollowed], at) => {
    if (language !== "sh") return [];
    const [, nextLanguage, printed] = blocks[at + 1] ?? [];
    const isPrinted = isFollowed !== undefined && nextLanguage === "";
    return [{ command, printed: isPrinted ? printed : undefined }];
  });
}
