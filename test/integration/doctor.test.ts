import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Finding } from "../../src/doctor/finding.ts";
import { type CliResult, runCli } from "../support/clients/run-cli.ts";
import { junk, unknownOp } from "../support/models/failing-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { projectRoot, startServed } from "../support/servers/served.ts";

const memory = { CONTAINER_MEM_REQ_BYTES: String(1024 ** 3), PULL_TYPES: "none" };

describe("modelport doctor", { timeout: 300_000 }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-doctor-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const doctor = (...flags: string[]): Promise<CliResult> =>
    runCli(["doctor", "--port", "0", ...flags], { env: memory });
  const findingsIn = ({ stdout }: CliResult) =>
    JSON.parse(stdout) as { readonly ok: boolean; readonly findings: readonly Finding[] };

  it("finds nothing in a sound set-up, and says what each model takes", async () => {
    const { status, stdout, stderr } = await doctor("--model-repository", "examples/models");
    assert.equal(status, 0, stdout);
    assert.equal(stderr, "");
    assert.match(stdout, /^ok {4}ONNX Runtime: onnxruntime \S+ runs a model in a host, \d+ ms/m);
    assert.match(stdout, /^ok {4}model: digits: onnx, \d/m);
    assert.match(stdout, /^ok {4}model: iris version 1: onnx, \d/m);
    assert.match(stdout, /^0 failures, 0 warnings$/m);
  });

  it("tells of every model that would not load, and why", async () => {
    const models = join(folder, "models");
    await mkdir(join(models, "wrong"), { recursive: true });
    await mkdir(join(models, "empty"));
    await cp(join(projectRoot, "examples/models/digits"), join(models, "digits"), {
      recursive: true,
    });
    await writeFile(join(models, "wrong/model.onnx"), addOne());
    await writeFile(join(models, "wrong/modelport.json"), '{"max_batch_sise": 1}');
    await writeFile(join(models, "junk.onnx"), junk(1000));
    await writeFile(join(models, "unknown.onnx"), unknownOp());
    await symlink("nowhere.onnx", join(models, "old.onnx"));
    const result = await doctor("--model-repository", models, "--output", "json");
    assert.equal(result.status, 1);
    const { ok, findings } = findingsIn(result);
    assert.equal(ok, false);
    const verdicts = findings.filter(({ check }) => check === "model");
    assert.deepEqual(
      verdicts.map(({ level, message }) => `${level} ${message.split(":")[0]}`),
      ["ok digits", "fail junk", "fail old", "fail unknown", "fail wrong"],
    );
    const reasons = verdicts.map(({ message }) => message).join("\n");
    assert.match(reasons, /wrong: .*unknown setting max_batch_sise/);
    assert.match(reasons, /old: what .*old\.onnx points to does not exist/);
    for (const { level, advice } of verdicts) assert.equal(advice === undefined, level === "ok");
  });

  it("does not mind what is not a model, and warns of two models of one name", async () => {
    const models = join(folder, "strays");
    for (const name of ["digits", "empty", "lost+found"]) {
      await mkdir(join(models, name), { recursive: true });
    }
    for (const name of ["digits/model.onnx", "plain.onnx"]) {
      await writeFile(join(models, name), addOne());
    }
    for (const name of ["LICENSE", "plain.txt", "plain.onnx.data"]) {
      await writeFile(join(models, name), "text");
    }
    const sound = await doctor("--model-repository", models, "-o", "json");
    assert.equal(sound.status, 0, sound.stdout);
    const about = findingsIn(sound).findings.find(({ check }) => check === "repository");
    assert.match(
      about?.message ?? "",
      /^ignored, being no models: LICENSE .*, empty .*, lost\+found .*, plain\.onnx\.data .*, plain\.txt /,
    );
    await writeFile(join(models, "digits.onnx"), addOne());
    const doubled = await doctor("--model-repository", models, "-o", "json");
    assert.equal(doubled.status, 0, doubled.stdout);
    const warning = findingsIn(doubled).findings.find(
      ({ check, level }) => check === "repository" && level === "warn",
    );
    assert.match(warning?.message ?? "", /digits\.onnx is not served: .*digits is model 'digits'$/);
  });

  it("lists all that is wrong with the settings, and looks at nothing that goes by them", async () => {
    const result = await doctor("--log-level", "loud", "--prot", "1", "-o", "json");
    assert.equal(result.status, 1);
    const { findings } = findingsIn(result);
    const settings = findings.filter(({ check }) => check === "settings");
    assert.deepEqual(
      settings.map(({ level }) => level),
      ["fail", "fail"],
    );
    assert.equal(
      findings.some(({ check }) => check === "port"),
      false,
    );
  });

  it("knows the runtime that it is run beside", async (t) => {
    const served = await startServed([]);
    t.after(() => served.stop());
    const { status, stdout } = await doctor("--port", `${served.port}`);
    assert.equal(status, 0, stdout);
    assert.match(stdout, new RegExp(`^warn  port: .* taken, by process ${served.pid} \\(`, "m"));
  });
});
