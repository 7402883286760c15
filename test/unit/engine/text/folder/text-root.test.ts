import assert from "node:assert/strict";
import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readTextFolder } from "../../../../../src/engine/text/folder/text-folder.ts";
import { huggingFace, miniLm, without } from "../../../../support/text/folder-tree.ts";
import { textTrees } from "../../../../support/text/text-trees.ts";

const { make, read, refuses } = textTrees();

describe("a folder that is not quite a text model", () => {
  it("is refused with what is missing", async () => {
    await refuses(
      { "readme.md": "x" },
      /has no config.json: a text model is a folder of Hugging Face/,
    );
    await refuses({ "adapter_config.json": {} }, /has no config.json: it is an adapter/);
    await refuses(without(miniLm, "config.json"), /has no config.json: it names the architecture/);
    await refuses(without(miniLm, "1_Pooling/config.json"), /has no 1_Pooling\/config.json/);
    await refuses(
      { ...without(miniLm, "tokenizer.json"), "vocab.txt": "" },
      /has no tokenizer.json: it has only vocab.txt; convert it .*AutoTokenizer/,
    );
  });

  it("is refused for JSON that is none, is no object, is nested too deeply or is too large", async () => {
    await refuses({ ...miniLm, "config.json": "{" }, /config.json is not valid JSON/);
    await refuses(
      { ...miniLm, "config.json": [] },
      /config.json is a list, expected a JSON object/,
    );
    await refuses(
      { ...miniLm, "config.json": `${"[".repeat(100_000)}${"]".repeat(100_000)}` },
      /nested more than 64 levels deep/,
    );
    const folder = await make(miniLm);
    await truncate(join(folder, "config.json"), 9 * 1024 * 1024);
    assert.throws(() => readTextFolder(folder), /has 9437184 bytes, expected at most 8388608/);
  });

  it("takes brackets in strings for what they are, and a byte order mark", async () => {
    const config = {
      ...(miniLm["config.json"] as object),
      _name_or_path: `"${"[{".repeat(100)}\\"`,
    };
    const { facts } = await read({ ...miniLm, "config.json": `\ufeff${JSON.stringify(config)}` });
    assert.equal(facts.dimensions, 384);
  });

  it("is refused for a folder in place of a file", async () => {
    const folder = await make(without(miniLm, "model.safetensors"));
    await mkdir(join(folder, "model.safetensors"));
    assert.throws(
      () => readTextFolder(folder),
      /model.safetensors is a directory, expected a regular file/,
    );
  });
});

describe("a folder of Caikit", () => {
  const artifacts = (name: string) =>
    Object.fromEntries(
      Object.entries(miniLm).map(([file, content]) => [`${name}/${file}`, content]),
    );

  it("has its model where config.yml says", async () => {
    const folder = await make({
      ...artifacts("files"),
      "config.yml": "artifacts_path: 'files'\nmodule_class: caikit_nlp.x.EmbeddingModule\n",
    });
    const { facts, tokenizer } = readTextFolder(folder);
    assert.equal(facts.maxTokens, 256);
    assert.equal(tokenizer.tokenizer, join(folder, "files", "tokenizer.json"));
  });

  it("has its model in artifacts if config.yml does not say", async () => {
    const { facts } = await read({ ...artifacts("artifacts"), "config.yml": "name: x\n" });
    assert.equal(facts.pooling, "mean");
  });

  it("is refused if it points out of the folder", () =>
    refuses({ "config.yml": "artifacts_path: /etc\n" }, /expected one inside the folder/));
});

describe("links in a folder", () => {
  /** A folder as Hugging Face caches it: links to files of other names. */
  async function cache(): Promise<{ readonly base: string; readonly snapshot: string }> {
    const base = await make({});
    const snapshot = join(base, "snapshots", "1");
    await mkdir(join(base, "blobs"));
    await mkdir(snapshot, { recursive: true });
    let blob = 0;
    for (const [name, content] of Object.entries(huggingFace({ model_type: "bert" }))) {
      const target = `blob-${blob++}`;
      await writeFile(
        join(base, "blobs", target),
        typeof content === "string" ? content : JSON.stringify(content),
      );
      await symlink(join("..", "..", "blobs", target), join(snapshot, name));
    }
    return { base, snapshot };
  }

  it("are followed within the roots", async () => {
    const { base, snapshot } = await cache();
    const { weights, files } = readTextFolder(snapshot, { roots: [base] });
    assert.deepEqual(weights, { kind: "safetensors", files: [join(base, "blobs", "blob-2")] });
    assert.equal(files.length, 3);
  });

  it("are refused beyond the roots", async () => {
    const { snapshot } = await cache();
    assert.throws(() => readTextFolder(snapshot), /config.json' is outside the model directories/);
  });

  it("are refused if they lead to nothing", async () => {
    const { base, snapshot } = await cache();
    await rm(join(base, "blobs", "blob-2"));
    assert.throws(
      () => readTextFolder(snapshot, { roots: [base] }),
      /model.safetensors' does not exist/,
    );
  });
});
