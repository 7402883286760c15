import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findModelFile } from "../../../../src/engine/files/model-layout.ts";
import { emptyFiles } from "../../../support/empty-files.ts";
import { withoutRoot } from "../../../support/processes/without-root.ts";

const onnx = { extensions: [".onnx"] };

let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "modelport-layout-"));
});
after(() => rm(root, { recursive: true, force: true }));

const tree = (names: readonly string[]) => emptyFiles(names, root);

describe("the model file of a directory", () => {
  const found: readonly [what: string, names: readonly string[], file: string][] = [
    ["is model.onnx", ["model.onnx"], "model.onnx"],
    ["is model.onnx, whatever else is there", ["model.onnx", "b.onnx", "x/"], "model.onnx"],
    ["is the only .onnx file", ["net.onnx", "labels.txt"], "net.onnx"],
    ["ignores dotfiles", [".hidden.onnx", ".git/x", "net.onnx"], "net.onnx"],
    ["ignores the schema file", ["_schema.json", "a/net.onnx"], "a/net.onnx"],
    ["is in the only version", ["1/model.onnx"], "1/model.onnx"],
    ["is in the largest version, by value", ["2/a.onnx", "14/b.onnx", "9/c.onnx"], "14/b.onnx"],
    [
      "is in the largest version, beyond 2^53 too",
      ["9007199254740992/a.onnx", "9007199254740993/b.onnx"],
      "9007199254740993/b.onnx",
    ],
    ["is in the largest version beside other files", ["1/a.onnx", "2/b.onnx", "x.txt"], "2/b.onnx"],
    ["is the one beside the versions, if there is one", ["net.onnx", "1/a.onnx"], "net.onnx"],
    ["is in a version, whatever lies beside it", ["1/a.onnx", "x/b.onnx", "@eaDir/"], "1/a.onnx"],
    ["is not in versions with zeros in front", ["1/a.onnx", "02/b.onnx"], "1/a.onnx"],
    ["is in the only subdirectory", ["a/model.onnx"], "a/model.onnx"],
    [
      "is in the only subdirectory that has one",
      ["lost+found/", "configs/a.json", "onnx/model.onnx", "tokenizer/deep/er/x"],
      "onnx/model.onnx",
    ],
    [
      "is in the only subdirectory beside a file system's",
      ["lost+found/x/", "m/1/a.onnx"],
      "m/1/a.onnx",
    ],
    ["is in the only subdirectory, repeatedly", ["a/b/1/2/net.onnx"], "a/b/1/2/net.onnx"],
    ["is in a directory named like a file", ["1/model.onnx/net.onnx"], "1/model.onnx/net.onnx"],
  ];
  for (const [what, names, file] of found) {
    it(what, async () => {
      const directory = await tree(names);
      assert.equal(await findModelFile(directory, [onnx]), join(directory, file));
    });
  }

  const refused: readonly [what: string, names: readonly string[], message: RegExp][] = [
    ["nothing in it", [], /has no \.onnx file; seen: nothing$/],
    ["only hidden files", [".a.onnx"], /seen: nothing$/],
    ["other files only", ["a.txt", "b.bin"], /has no \.onnx file; seen: a\.txt, b\.bin$/],
    [
      "two models",
      ["a.onnx", "b.onnx"],
      /has 2 \.onnx files and none is named model\.onnx; seen: a/,
    ],
    ["two models beside versions", ["a.onnx", "b.onnx", "1/model.onnx"], /has 2 \.onnx files/],
    [
      "models in several directories",
      ["a/model.onnx", "b/1/model.onnx", "c/x"],
      /has models in several folders: a\/, b\/$/,
    ],
    ["doubt in one of several", ["a/x.onnx", "a/y.onnx", "b/"], /\/a has 2 \.onnx files/],
    ["several directories and no model", ["a/x", "b/y"], /has no \.onnx file; seen: a\/, b\/$/],
    [
      "more directories than a model has",
      Array.from({ length: 1_001 }, (_, index) => `${index}x/`),
      /has more than 1000 folders: not a model directory$/,
    ],
    ["an empty largest version", ["1/a.onnx", "2/"], /\/2 has no \.onnx file; seen: nothing$/],
    ["nothing but depth", ["a/b/c/d/e/f/g/h/i/net.onnx"], /within 8 directories/],
    [
      "many files",
      Array.from({ length: 15 }, (_, index) => `file${String(index).padStart(2, "0")}`),
      /seen: file00, .*file09, and 5 more$/,
    ],
  ];
  for (const [what, names, message] of refused) {
    it(`is refused with ${what}`, async () => {
      const directory = await tree(names);
      assert.throws(() => findModelFile(directory, [onnx]), {
        name: "RuntimeError",
        kind: "invalid-argument",
        message,
      });
    });
  }

  it("may be behind symbolic links", async () => {
    const directory = await tree(["1/model.onnx", "other/"]);
    await symlink(join(directory, "1"), join(directory, "other", "2"));
    const linked = join(directory, "other");
    assert.equal(await findModelFile(linked, [onnx]), join(linked, "2", "model.onnx"));
  });

  it("is beside a directory that nobody may read", async () => {
    const directory = await tree(["private/", "models/iris.onnx"]);
    for (const path of [root, directory]) await chmod(path, 0o755);
    await chmod(join(directory, "private"), 0);
    try {
      const found = await withoutRoot(() => findModelFile(directory, [onnx]));
      assert.equal(found, join(directory, "models", "iris.onnx"));
    } finally {
      await chmod(join(directory, "private"), 0o700);
    }
  });

  it("is not behind a link that points nowhere", async () => {
    const directory = await tree(["net.onnx"]);
    await symlink(join(directory, "missing"), join(directory, "model.onnx"));
    assert.equal(await findModelFile(directory, [onnx]), join(directory, "net.onnx"));
  });
});

describe("the model file of an MLflow folder", () => {
  const trees = {
    extensions: [".ubj"],
    doubtful: [".json"],
    recognises: (head: Uint8Array) => Buffer.from(head).toString().startsWith("trees"),
  };
  const mlflow = async (flavors: object, files: Readonly<Record<string, string>>) => {
    const directory = await tree([]);
    await writeFile(join(directory, "MLmodel"), JSON.stringify({ flavors }));
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), content);
    }
    return directory;
  };

  it("is the one that MLmodel names, whatever else is there", async () => {
    const files = { "a.onnx": "", "b.onnx": "", "model.onnx": "" };
    const directory = await mlflow({ python_function: {}, onnx: { data: "b.onnx" } }, files);
    assert.equal(findModelFile(directory, [onnx]), join(directory, "b.onnx"));
  });

  it("is recognised by its content, if its name says nothing", async () => {
    const files = { "data/model.xgb": "trees", "other.json": "trees" };
    const directory = await mlflow({ xgboost: { data: "data/model.xgb" } }, files);
    assert.equal(findModelFile(directory, [onnx, trees]), join(directory, "data/model.xgb"));
    await writeFile(join(directory, "data/model.xgb"), "something else");
    assert.throws(() => findModelFile(directory, [trees]), /MLmodel names data\/model\.xgb, which/);
  });

  it("is none if there is no flavour that is served, or MLmodel cannot be read", async () => {
    const directory = await mlflow({ python_function: {} }, { "model.onnx": "" });
    assert.throws(() => findModelFile(directory, [onnx]), {
      kind: "invalid-argument",
      message: /MLmodel has the flavours python_function, expected one of onnx, xgboost/,
    });
    await writeFile(join(directory, "MLmodel"), "x".repeat(1024 * 1024 + 1));
    assert.throws(() => findModelFile(directory, [onnx]), /has more than 1048576 bytes/);
  });
});

describe("the model file at a path", () => {
  it("is a file of any name", async () => {
    const directory = await tree(["blob"]);
    assert.equal(await findModelFile(join(directory, "blob"), [onnx]), join(directory, "blob"));
  });

  it("is missing if nothing is there: a failed precondition", async () => {
    const directory = await tree(["file"]);
    for (const path of [join(directory, "missing"), join(directory, "file", "below")]) {
      assert.throws(() => findModelFile(path, [onnx]), {
        kind: "failed-precondition",
        message: /does not exist/,
      });
    }
  });

  it("is refused if it is neither a file nor a directory, without being opened", async () => {
    const directory = await tree([]);
    const fifo = join(directory, "fifo");
    execFileSync("mkfifo", [fifo]);
    assert.throws(() => findModelFile(fifo, [onnx]), {
      kind: "invalid-argument",
      message: /fifo is a FIFO, expected a file or a directory/,
    });
  });

  it("is refused if the path cannot be one", async () => {
    const directory = await tree([]);
    await symlink("loop", join(directory, "loop"));
    for (const path of [
      join(directory, "x".repeat(5000)),
      join(directory, "a\0b"),
      join(directory, "loop"),
    ]) {
      assert.throws(() => findModelFile(path, [onnx]), { kind: "invalid-argument" });
    }
  });
});
