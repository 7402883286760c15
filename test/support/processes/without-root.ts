const nobody = 65_534;

/** Runs `work` as a user who may not read everything. Tests in a container are often root's, whom no mode of a file
 *  keeps out. Nothing else may run in this process meanwhile. */
export async function withoutRoot<Result>(work: () => Promise<Result> | Result): Promise<Result> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
