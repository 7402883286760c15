/** Which files a model consists of beside its own. */
export interface FileAccess {
  /** Absolute directories: all of its files must lie in one of them, wherever links lead. Absent: anywhere. */
  readonly roots?: readonly string[] | undefined;
  /** Whether weights lie in other files. If not, it gets none. */
  readonly hasDataFiles?: boolean | undefined;
  /** Where those are, if not beside the model's file: as `DataFiles.moved`. */
  readonly dataFiles?: Readonly<Record<string, string>> | undefined;
}
