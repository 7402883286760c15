import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { type CliOptions, runCli } from "../support/clients/run-cli.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { WordTexts } from "../support/fakes/word-texts.ts";

describe("modelport with texts", { timeout: 300_000 }, () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    // The commands find the calls whatever the domain is.
    fake = await startFakeServer(cleanup, { texts: new WordTexts(), caikitDomain: "Search" });
    for (const name of ["classification", "token-classification"]) {
      fake.models.put(name, "BYTES", () => []);
    }
  });

  const modelport = (args: readonly string[], options: CliOptions = {}) =>
    runCli(args, {
      ...options,
      env: { MODELPORT_ADDRESS: `localhost:${fake.address.port}`, ...options.env },
    });

  it("embeds them, from operands and from lines of stdin", async () => {
    const shown = await modelport(["embed", "embedding", "so be it"]);
    assert.equal(shown.stdout, "so be it  FP32[3] [6.0000, 3.0000, 1.0000]\n");
    const args = ["embed", "embedding", "a", "--lines", "-", "--output", "json"];
    const { stdout } = await modelport(args, { stdin: "b c\nd\n" });
    assert.deepEqual(JSON.parse(stdout), {
      model: "embedding",
      embeddings: [
        [1, 1, 1],
        [2, 2, 1],
        [1, 1, 1],
      ],
      tokens: 10,
    });
  });

  it("cuts them only if it is told to", async () => {
    const args = ["embed", "embedding", "one two three four five six seven"];
    const { status, stderr } = await modelport(args);
    assert.equal(status, exitCodes.failed);
    assert.match(stderr, /exceeds the maximum sequence length for this model \(8\)/);
    assert.match(stderr, /`modelport models MODEL`/);
    const cut = await modelport([...args, "--truncate"]);
    assert.match(cut.stdout, /^one two three four five six seven {2}FP32\[3\]/);
  });

  it("ranks them, the best first", async () => {
    const args = ["rerank", "rerank", "rain", "some bread", "some rain"];
    const { stdout } = await modelport(args);
    assert.equal(stdout, "1.0000  1  some rain\n0.0000  0  some bread\n");
    const json = await modelport([...args, "--top", "1", "--output", "json"]);
    assert.deepEqual(JSON.parse(json.stdout).results, [{ index: 1, score: 1, text: "some rain" }]);
    const wrong = await modelport([...args, "--top", "none"]);
    assert.equal(wrong.status, exitCodes.usage);
  });

  it("classifies them, or what is in them, as the model does", async () => {
    const labels = await modelport(["classify", "classification", "a", "b c d e"]);
    assert.equal(
      labels.stdout,
      "a        short 0.7500, long 0.2500\nb c d e  long 0.7500, short 0.2500\n",
    );
    const entities = await modelport(["classify", "token-classification", "no Owl", "none"]);
    assert.equal(entities.stdout, "no Owl  NAME 0.5000  3-6  Owl\nnone    no entities\n");
  });

  it("ends with a code of its own for a model that is not loaded, and a hint without texts", async () => {
    const unknown = await modelport(["embed", "nobody", "a"]);
    assert.equal(unknown.status, exitCodes.notFound);
    assert.match(unknown.stderr, /`modelport models` lists all models/);
    const none = await modelport(["classify", "classification"]);
    assert.equal(none.status, exitCodes.usage);
    assert.match(none.stderr, /--lines FILE/);
  });
});
