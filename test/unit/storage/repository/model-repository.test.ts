import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { listModelRepository } from "../../../../src/storage/repository/model-repository.ts";
import { withoutRoot } from "../../../support/processes/without-root.ts";

/** Makes files with their own names in them, folders where the name ends in a slash, and links. */
async function repository(
  t: TestContext,
  names: readonly string[],
  links: Readonly<Record<string, string>> = {},
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-repository-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const name of names) await put(directory, name);
  for (const [name, target] of Object.entries(links)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await symlink(target, join(directory, name));
  }
  return directory;
}

async function put(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  await mkdir(name.endsWith("/") ? path : dirname(path), { recursive: true });
  if (!name.endsWith("/")) await writeFile(path, name);
}

const list = (directory: string) => listModelRepository(directory, [{ extensions: [".onnx"] }]);

/** "model/version path" of all models, and "model: reason" of those that cannot be read. */
async function shown(directory: string): Promise<string[]> {
  return (await list(directory)).models.flatMap(({ id, versions, refusal }) =>
    refusal === undefined
      ? versions.map(({ version, path }) => `${id}/${version} ${path.slice(directory.length + 1)}`)
      : [`${id}: ${refusal.message.replaceAll(directory, "DIR")}`],
  );
}

async function ignoredIn(directory: string): Promise<string[]> {
  return (await list(directory)).ignored.map(({ name }) => name);
}

describe("a local model repository", () => {
  it("has one model for each folder and file, with a version for each numbered folder", async (t) => {
    const directory = await repository(t, [
      ...["iris.onnx", "README.md", ".hidden.onnx", "_work/", ".git/", "digits/model.onnx"],
      ...["flowers/1/model.onnx", "flowers/12/model.onnx", "flowers/config.pbtxt"],
      ...["mixed/model.onnx", "mixed/1/model.bin", "hub/onnx/model.onnx", "hub/config.json"],
    ]);
    assert.deepEqual(await shown(directory), [
      "digits/ digits",
      "flowers/1 flowers/1",
      "flowers/12 flowers/12",
      "hub/ hub",
      "iris/ iris.onnx",
      "mixed/ mixed",
    ]);
    assert.deepEqual(await ignoredIn(directory), []);
  });

  it("has archives by their names, unless there is a folder or file of that name", async (t) => {
    const directory = await repository(t, [
      ...["a.tar.gz", "b.tgz", "c.tar", "d.ZIP", "e.zip", "e/model.onnx", "f.zip", "f.onnx"],
      ...["archives.zip/model.onnx", ".tar", "g.rar"],
    ]);
    assert.deepEqual(await shown(directory), [
      "a/ a.tar.gz",
      "archives.zip/ archives.zip",
      "b/ b.tgz",
      "c/ c.tar",
      "d/ d.ZIP",
      "e/ e",
      "f/ f.onnx",
    ]);
    assert.deepEqual(await ignoredIn(directory), ["g.rar"]);
  });

  it("has MLflow's folders, if MLmodel names a model that is served", async (t) => {
    const directory = await repository(t, ["iris/a.onnx", "iris/b.onnx", "torch/model.onnx"]);
    const write = (id: string, flavors: object) =>
      writeFile(join(directory, id, "MLmodel"), JSON.stringify({ flavors }));
    await write("iris", { onnx: { data: "b.onnx" } });
    assert.deepEqual(await shown(directory), ["iris/ iris", "torch/ torch"]);
  });

  it("has the versions that config.pbtxt lets be served", async (t) => {
    const directory = await repository(t, [
      ...["all/2/model.onnx", "all/10/model.onnx", "latest/2/model.onnx", "latest/10/model.onnx"],
      ...["one/2/model.onnx", "one/10/model.onnx", "gone/2/model.onnx", "gone/10/model.onnx"],
      ...["broken/2/model.onnx", "broken/10/model.onnx", "plain/model.onnx"],
    ]);
    for (const [name, config] of [
      ["all", "max_batch_size: 4"],
      ["latest", "version_policy: { latest { num_versions: 1 } }"],
      ["one", "version_policy { specific { versions: [ 2, 7 ] } }"],
      ["gone", "version_policy { specific { versions: 7 } }"],
      ["broken", "version_policy {"],
      ["plain", "version_policy { specific { versions: 7 } }"],
    ] as const) {
      await writeFile(join(directory, name, "config.pbtxt"), config);
    }
    assert.deepEqual(await shown(directory), [
      ...["all/2 all/2", "all/10 all/10", "broken/2 broken/2", "broken/10 broken/10"],
      "gone: DIR/gone/config.pbtxt serves only the versions 7, but the folder has 2, 10",
      ...["latest/10 latest/10", "one/2 one/2", "plain/ plain"],
    ]);
  });

  it("has the versions that modelport.json lets be served, before config.pbtxt, and its aliases", async (t) => {
    const directory = await repository(t, [
      ...["both/1/model.onnx", "both/2/model.onnx", "own/1/model.onnx", "own/2/model.onnx"],
    ]);
    const triton = "version_policy { specific { versions: 1 } }";
    for (const name of ["both", "own"])
      await writeFile(join(directory, name, "config.pbtxt"), triton);
    const own = { version_policy: { latest: { num_versions: 1 } }, version_aliases: { stable: 2 } };
    await writeFile(join(directory, "own/modelport.json"), JSON.stringify(own));
    await writeFile(join(directory, "both/modelport.json"), '{"version_aliases": {"old": "1"}}');
    assert.deepEqual(await shown(directory), ["both/1 both/1", "own/2 own/2"]);
    const { models } = await list(directory);
    assert.deepEqual(
      models.map(({ aliases, policy }) => [[...(aliases ?? [])], policy]),
      [
        [[["old", "1"]], { tag: "specific", versions: ["1"] }],
        [[["stable", "2"]], { tag: "latest", count: 1 }],
      ],
    );
  });

  it("refuses a model whose aliases or policy fit none of its versions, by the file and the field", async (t) => {
    const directory = await repository(t, [
      ...["away/1/model.onnx", "gone/1/model.onnx", "gone/2/model.onnx", "none/1/model.onnx"],
      ...["plain/model.onnx", "wrong/1/model.onnx"],
    ]);
    for (const [name, settings] of [
      ["away", '{"version_aliases": {"stable": 3}}'],
      ["gone", '{"version_policy": {"latest": {}}, "version_aliases": {"stable": 1}}'],
      ["none", '{"version_policy": {"specific": {"versions": [4, 5]}}}'],
      ["plain", '{"version_aliases": {"stable": 1}}'],
      ["wrong", '{"version_aliases": {"2": 1}}'],
    ] as const) {
      await writeFile(join(directory, name, "modelport.json"), settings);
    }
    assert.deepEqual(await shown(directory), [
      "away: DIR/away/modelport.json: version_aliases.stable is version 3, which does not exist: expected one of those that are served, 1",
      "gone: DIR/gone/modelport.json: version_aliases.stable is version 1, which the version policy leaves out: expected one of those that are served, 2",
      "none: DIR/none/modelport.json serves only the versions 4, 5, but the folder has 1",
      "plain: DIR/plain/modelport.json: version_aliases.stable needs versions, and the model has none: put it into folders with the numbers of its versions, or leave the field out",
      'wrong: DIR/wrong/modelport.json: version_aliases has the alias "2", expected a letter and then at most 62 letters, digits, dots, dashes and underscores',
    ]);
  });

  it("ignores whatever does not look like a model, and says why", async (t) => {
    const strangers = [
      ...["Dockerfile", "LICENSE", "data/", "flowers.pkl", "flowers.txt", "labels.json"],
      ...["lost+found/", "model.onnx.data", "model.onnx_data", "requirements.txt", "src/train.py"],
      ...["two/a/model.onnx", "two/b/model.onnx"],
    ];
    const directory = await repository(t, ["flowers.onnx", "model.onnx", ...strangers]);
    assert.deepEqual(await shown(directory), ["flowers/ flowers.onnx", "model/ model.onnx"]);
    const roots = new Set(strangers.map((name) => name.split("/")[0]));
    assert.deepEqual(await ignoredIn(directory), [...roots].sort());
    const { ignored } = await list(directory);
    const whyOf = (name: string) => ignored.find((each) => each.name === name)?.why ?? "";
    assert.match(whyOf("LICENSE"), /not have a model extension \(\.onnx\)/);
    assert.match(whyOf("src"), /has no \.onnx file; seen: train\.py/);
    assert.match(whyOf("two"), /has models in several folders: a\/, b\//);
  });

  it("ignores folders beside versions, and versions with zeros in front", async (t) => {
    const directory = await repository(t, [
      ...["iris/1/model.onnx", "iris/10/model.onnx", "iris/01/model.onnx", "iris/0/model.onnx"],
      ...["iris/configs/x.json", "iris/@eaDir/1/model.onnx", "iris/lost+found/", "iris/.git/x"],
      ...[
        "iris/labels.txt",
        "only/01/model.onnx",
        "plain/model.onnx",
        "plain/extra/x",
        "plain/1/x",
      ],
    ]);
    assert.deepEqual(await shown(directory), [
      "iris/0 iris/0",
      "iris/1 iris/1",
      "iris/10 iris/10",
      "only/ only",
      "plain/ plain",
    ]);
  });

  it("calls models what links are called, and follows these to files, folders and versions", async (t) => {
    const directory = await repository(
      t,
      // As Kubernetes mounts a ConfigMap, git-sync a checkout, and DVC its cache.
      ["..2026_11_30/flowers.onnx", ".git-sync/abc/iris/1/model.onnx", ".cache/v1/", ".cache/ab12"],
      {
        "..data": "..2026_11_30",
        "flowers.onnx": "..data/flowers.onnx",
        iris: ".git-sync/abc/iris",
        "m/1": "../.cache/v1",
        "m/2": "../.cache/v1",
        "dvc/model.onnx": "../.cache/ab12",
      },
    );
    await put(directory, ".cache/v1/model.onnx");
    assert.deepEqual(await shown(directory), [
      "dvc/ dvc",
      "flowers/ flowers.onnx",
      "iris/1 iris/1",
      "m/1 m/1",
      "m/2 m/2",
    ]);
  });

  it("has what is named like a model but cannot be reached as one model, with the reason", async (t) => {
    const directory = await repository(t, ["iris.onnx", "loops/"], {
      "old.onnx": "nowhere.onnx",
      gone: "/nonexistent/model",
      "notes.txt": "nowhere.txt",
      "circle.onnx": "circle.onnx",
      "loops/self": "../loops",
    });
    execFileSync("mkfifo", [join(directory, "pipe.onnx")]);
    assert.deepEqual(await shown(directory), [
      "circle: what DIR/circle.onnx points to is a loop of symbolic links",
      "gone: what DIR/gone points to does not exist",
      "iris/ iris.onnx",
      "old: what DIR/old.onnx points to does not exist",
      "pipe: DIR/pipe.onnx is a FIFO, expected a file or a directory",
    ]);
    assert.deepEqual(await ignoredIn(directory), ["loops", "notes.txt"]);
  });

  it("has a folder that nobody may read as one model, but not that of a file system", async (t) => {
    const directory = await repository(t, [
      ...["closed/model.onnx", "iris.onnx", "lost+found/", "m/1/model.onnx", "m/2/model.onnx"],
    ]);
    const closed = ["closed", "lost+found", "m/2"].map((name) => join(directory, name));
    await chmod(directory, 0o755);
    for (const path of closed) await chmod(path, 0);
    try {
      await withoutRoot(async () => {
        assert.deepEqual(await shown(directory), [
          "closed: DIR/closed is not readable: access denied",
          "iris/ iris.onnx",
          "m/1 m/1",
          "m/2 m/2",
        ]);
        assert.deepEqual(await ignoredIn(directory), ["lost+found"]);
        const second = (await list(directory)).models[2]?.versions[1];
        assert.match((await second?.fingerprint()) ?? "", /^\w+$/);
      });
    } finally {
      for (const path of closed) await chmod(path, 0o700);
    }
  });

  it("takes the folder of two that would be one model, unless it cannot be read", async (t) => {
    const directory = await repository(
      t,
      ["iris.onnx", "iris/model.onnx", "text.onnx", "text/words.txt", "gone.onnx"],
      { gone: "nowhere" },
    );
    assert.deepEqual(await shown(directory), ["gone/ gone.onnx", "iris/ iris", "text/ text.onnx"]);
    const { doubles } = await list(directory);
    assert.deepEqual(doubles, [
      { id: "iris", served: join(directory, "iris"), ignored: join(directory, "iris.onnx") },
      { id: "gone", served: join(directory, "gone.onnx"), ignored: join(directory, "gone") },
    ]);
  });

  it("is refused when it is not there", async (t) => {
    const directory = await repository(t, []);
    await assert.rejects(list(join(directory, "none")), {
      kind: "failed-precondition",
      message: /does not exist/,
    });
  });
});

describe("the fingerprint of a model in the repository", () => {
  const prints = async (directory: string) => {
    const { models } = await list(directory);
    const versions = models.flatMap(({ id, versions }) =>
      versions.map(async ({ version, fingerprint }) => [`${id}/${version}`, await fingerprint()]),
    );
    return Object.fromEntries(await Promise.all(versions)) as Record<string, string>;
  };

  /** Names of the models whose fingerprints another look finds changed. */
  async function changedBy(directory: string, change: () => Promise<unknown>): Promise<string[]> {
    const before = await prints(directory);
    assert.deepEqual(await prints(directory), before, "nothing has changed yet");
    await change();
    const after = await prints(directory);
    return Object.keys(after).filter((name) => after[name] !== before[name]);
  }

  it("changes with its files alone, weights in folders below and beside it included", async (t) => {
    const directory = await repository(t, [
      ...["digits/model.onnx", "flowers/1/model.onnx", "flowers/1/weights/a/w.bin"],
      ...["flowers/12/model.onnx", "flowers/modelport.json", "iris.onnx", "iris.onnx.data"],
      ...["labels.txt", "tensors/iris.bin"],
    ]);
    const settings = join(directory, "flowers/modelport.json");
    await writeFile(settings, "{}");
    const write = (name: string) => () =>
      writeFile(
        join(directory, name),
        name.endsWith(".json") ? '{"max_batch_size": 2}' : "longer text",
      );
    const cases: readonly [name: string, changed: readonly string[]][] = [
      ["flowers/12/model.onnx", ["flowers/12"]],
      ["flowers/1/weights/a/w.bin", ["flowers/1"]],
      ["flowers/1/weights/b.bin", ["flowers/1"]],
      ["flowers/modelport.json", ["flowers/1", "flowers/12"]],
      ["flowers/config.pbtxt", ["flowers/1", "flowers/12"]],
      ["digits/model.onnx_data", ["digits/"]],
      ["iris.onnx.data", ["iris/"]],
      ["tensors/iris.bin", ["iris/"]],
      ["iris.modelport.json", ["iris/"]],
      ["labels.txt", []],
    ];
    for (const [name, changed] of cases) {
      assert.deepEqual(await changedBy(directory, write(name)), changed, name);
    }
    const touch = () => utimes(join(directory, "iris.onnx"), 1, 1);
    assert.deepEqual(await changedBy(directory, touch), ["iris/"]);
    const rename = () =>
      writeFile(settings, '{"version_aliases": {"stable": 1}, "max_batch_size": 2}');
    assert.deepEqual(await changedBy(directory, rename), [], "an alias is no file of a version");
    const remove = () => rm(join(directory, "flowers/1/weights"), { recursive: true });
    assert.deepEqual(await changedBy(directory, remove), ["flowers/1"]);
  });

  it("changes when a link points elsewhere, and does not follow links in circles", async (t) => {
    const directory = await repository(t, [".v1/model.onnx", ".v2/model.onnx"], {
      "..data": ".v1",
      "flowers.onnx": "..data/model.onnx",
      "m/model.onnx": "../..data/model.onnx",
      "m/again": "../m",
    });
    const swap = async () => {
      await symlink(".v2", join(directory, "..new"));
      await rename(join(directory, "..new"), join(directory, "..data"));
    };
    assert.deepEqual(await changedBy(directory, swap), ["flowers/", "m/"]);
  });
});
