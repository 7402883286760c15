/** Which files belong to a model besides its own. */
export interface FileAccess {
  /** Absolute directories, one of which must contain each file after links are followed. Absent: no
   *  restriction. */
  readonly roots?: readonly string[] | undefined;
  /** Whether weights are in other files. If not, no other file is opened. */
  readonly hasDataFiles?: boolean | undefined;
  /** Where those files are, if not beside the model file: as `DataFiles.moved`. */
  readonly dataFiles?: Readonly<Record<string, string>> | undefined;
}
