import assert from "node:assert/strict";
import { RuntimeError } from "../../../src/base/errors.ts";
import {
  readTextFolder,
  type TextFolder,
  type TextFolderOptions,
} from "../../../src/engine/text/folder/text-folder.ts";
import { type FolderTree, makeFolder } from "./folder-tree.ts";

/** Makes a folder in `parent` and reads it. */
export async function readTree(
  tree: FolderTree,
  parent: string,
  options?: TextFolderOptions,
): Promise<TextFolder> {
  return readTextFolder(await makeFolder(tree, parent), options);
}

/** Asserts that a folder is refused for good, with a message of one line. */
export async function refusesTree(
  tree: FolderTree,
  parent: string,
  { message, ...options }: TextFolderOptions & { readonly message: RegExp },
): Promise<void> {
  const folder = await makeFolder(tree, parent);
  assert.throws(
    () => readTextFolder(folder, options),
    (error) => {
      assert(error instanceof RuntimeError);
      assert.equal(error.kind, "invalid-argument");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    },
  );
}
