import assert from "node:assert/strict";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { RuntimeError } from "../../../src/base/errors.ts";
import {
  readTextFolder,
  type TextFolder,
  type TextFolderOptions,
} from "../../../src/engine/text/folder/text-folder.ts";
import { type FolderTree, makeFolder } from "./folder-tree.ts";

/** Folders of one file of tests, which are there until its end. */
export function textTrees() {
  let root = "";
  before(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), "modelport-text-trees-")));
  });
  after(() => rm(root, { recursive: true, force: true }));

  const make = (tree: FolderTree) => makeFolder(tree, root);
  return {
    make,
    async read(tree: FolderTree, options?: TextFolderOptions): Promise<TextFolder> {
      return readTextFolder(await make(tree), options);
    },
    /** Asserts that a folder is refused for good, with a message of one line. */
    async refuses(
      tree: FolderTree,
      message: RegExp,
      options: TextFolderOptions = {},
    ): Promise<void> {
      const folder = await make(tree);
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
    },
  };
}
