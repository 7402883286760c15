import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { OptionSpec } from "../../../src/cli/command.ts";
import { clientOptions } from "../../../src/cli/connect/client-options.ts";
import { loadConfig } from "../../../src/config/config.ts";
import type { Setting } from "../../../src/config/setting.ts";
import { settingGroups, settings } from "../../../src/config/settings.ts";
import { commandVariables } from "../../../src/config/stray-variables.ts";

const roomy = { CONTAINER_MEM_REQ_BYTES: String(4 * 1024 ** 3) };
const rows = Object.entries<Setting>(settings);

describe("the table of settings", () => {
  it("has every setting in one group, in the same order", () => {
    const grouped = settingGroups.flatMap(({ rows: group }) => Object.keys(group));
    assert.deepEqual(grouped, Object.keys(settings));
  });

  it("calls no two settings the same", () => {
    const names = rows.flatMap(([, { env, aliases = [] }]) => [env, ...aliases]);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[A-Z][A-Z0-9_]*$/);
    for (const [flag] of rows) assert.match(flag, /^[a-z][a-z0-9-]*$/);
  });

  it("has defaults that its own ranges allow, and a unit for whatever is a time or an amount of memory", () => {
    for (const [flag, { env, type, unit, default: preset, ...row }] of rows) {
      const isNumber = type === "integer" || type === "number";
      if (isNumber && typeof preset === "number") {
        assert.ok(preset >= (row.min ?? Number.NEGATIVE_INFINITY), flag);
        assert.ok(preset <= (row.max ?? Number.POSITIVE_INFINITY), flag);
      }
      if (type === "choice" && preset !== undefined) {
        assert.ok(row.choices?.includes(String(preset)), flag);
      }
      if (type === "integer" && /BYTES|_?TIMEOUT|GRACE|_WAIT$/.test(env)) assert.ok(unit, flag);
      assert.match(row.doc, /^\S.*\S$/, flag);
    }
  });
});

describe("settings from several sources", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-config-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const file = async (text: string, name = "modelport.yaml") => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const load = (argv: readonly string[], env: Record<string, string> = {}) =>
    loadConfig(argv, { ...roomy, ...env });

  it("come of the flag, else of the variable, else of the file, else of the default", async () => {
    const path = await file("port: 1\nlog-level: warn\nmax-batch-size: 2\nmax-queue-size: 3\n");
    const { values, config, problems } = await load(["--port", "4", `--config=${path}`], {
      ADAPTER_PORT: "5",
      LOG_LEVEL: "error",
      MAX_BATCH_SIZE: "",
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(values.port, { value: 4, source: { kind: "flag", name: "--port" } });
    assert.deepEqual(values["log-level"].source, { kind: "variable", name: "LOG_LEVEL" });
    const fromFile = { kind: "file", name: `${path}:3` };
    assert.deepEqual(values["max-batch-size"], { value: 2, source: fromFile });
    assert.equal(values.host.source.kind, "default");
    assert.equal(config?.port, 4);
    assert.equal(config?.logLevel, "error");
    assert.equal(config?.runSettings.maxQueueSize, 3);
  });

  it("come of a file that a variable names, in JSON as well", async () => {
    const path = await file('{"port": 7, "allowed-hosts": ["a.example", "b.example"]}', "x.json");
    const { config } = await load([], { MODELPORT_CONFIG: path });
    assert.equal(config?.port, 7);
    assert.deepEqual(config?.allowedHosts, ["localhost", "a.example", "b.example"]);
  });

  it("may be none: an empty file is one without settings", async () => {
    assert.deepEqual((await load(["--config", await file("# nothing\n")])).problems, []);
  });

  it("know variables by the names that ModelMesh and its other adapters have for the same", async () => {
    const { config, values } = await load([], { REQUEST_BATCH_SIZE: "16" });
    assert.equal(config?.runSettings.maxBatchSize, 16);
    assert.equal(values["max-batch-size"].source.name, "REQUEST_BATCH_SIZE");
    const twice = { REQUEST_BATCH_SIZE: "16", MAX_BATCH_SIZE: "16" };
    assert.deepEqual((await load([], twice)).problems, []);
    const { problems } = await load([], { ...twice, MAX_BATCH_SIZE: "8" });
    assert.match(
      problems.join("\n"),
      /^MAX_BATCH_SIZE and REQUEST_BATCH_SIZE are the same setting/,
    );
  });

  it("tell everything that is wrong, in all sources at once, by the place where it stands", async () => {
    const path = await file(
      "prot: 1\nport: nine\nlog-level: 3\nport: 9\nLOG_LEVEL: debug\nhost: {a: 1}\n" +
        "max-batch-size: -4\nruntime-version: 1.5\nconfig: other.yaml\nload-timeout:\nmax-queue-wait: 1.5\n",
    );
    const { config, problems } = await load(
      ["--config", path, "--prot", "3", "--load-timeout", "5", "--host", "--port", "70000", "more"],
      { MODELPORT_LOG_LEVEL: "debug", MAX_QUEUE_SIZE: "many" },
    );
    assert.equal(config, undefined);
    const expected = [
      /^unknown flag --prot: did you mean --port\?$/,
      /^--host has no value/,
      /^unexpected argument "more": expected flags such as --port$/,
      /yaml:1: unknown setting "prot": did you mean port\?$/,
      /yaml:4: "port" was already set in .*yaml:2$/,
      /yaml:5: unknown setting "LOG_LEVEL": did you mean log-level\?$/,
      /yaml:9: a settings file cannot name another one$/,
      /yaml:3: log-level is 3, expected one of fatal, /,
      /yaml:8: runtime-version is 1\.5, expected a string$/,
      /yaml:6: host is \{"a":1\}, expected a string$/,
      /yaml:2: port is "nine", expected an integer from 0 to 65535$/,
      /yaml:10: load-timeout is null, expected an integer from 100 to/,
      /^--load-timeout is "5", expected an integer from 100 to 2147483647, in ms/,
      /yaml:7: max-batch-size is -4, expected an integer from 0 to 65536/,
      /^MAX_QUEUE_SIZE is "many", expected an integer/,
      /yaml:11: max-queue-wait is 1\.5, expected an integer/,
      /^unknown setting MODELPORT_LOG_LEVEL: did you mean LOG_LEVEL\?$/,
    ];
    assert.equal(problems.length, expected.length, problems.join("\n"));
    for (const line of expected) {
      assert.equal(problems.filter((problem) => line.test(problem)).length, 1, `${line}`);
    }
  });

  for (const [what, text, problem] of [
    ["that is no YAML", "port: [1\nhost: a", /yaml:2: Flow sequence/],
    ["that is a list", "- port: 1", /is not a map of settings: expected lines such as port: 8085$/],
    ["with two documents", "port: 1\n---\nport: 2\n", /yaml:\d: .*multiple documents/],
    ["whose list has more than texts", "allowed-hosts: [a, 1]", /, expected a string, or a list/],
  ] as const) {
    it(`refuse a file ${what}`, async () => {
      const { config, problems } = await load(["--config", await file(text)]);
      assert.equal(config, undefined);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? "", problem);
    });
  }

  it("refuse a file that is not there, and one that is a directory", async () => {
    for (const path of [join(folder, "absent.yaml"), folder]) {
      const { problems } = await load(["--config", path]);
      assert.match(
        problems.join("\n"),
        /^cannot read settings: (ENOENT|\S+ is a directory, expected)[^\n]*$/,
      );
    }
  });

  it("may be choices that YAML takes for numbers", async () => {
    const { values, problems } = await load(["--config", await file("tls-min-version: 1.3\n")]);
    assert.deepEqual(problems, []);
    assert.equal(values["tls-min-version"].value, "1.3");
    const wrong = await load(["--config", await file("tls-min-version: 1.1\n")]);
    assert.match(wrong.problems.join("\n"), /tls-min-version is 1\.1, expected one of 1\.2, 1\.3$/);
  });

  it("follow aliases in YAML", async () => {
    const path = await file("max-queue-size: &size 5\nmax-batch-size: *size\n");
    assert.equal((await load(["--config", path])).config?.runSettings.maxBatchSize, 5);
  });
});

describe("variables that look like settings", () => {
  const load = (env: Record<string, string>) => loadConfig([], { ...roomy, ...env });

  it("are problems if they have our prefix and are near to a name of ours", async () => {
    for (const [name, meant] of [
      ["MODELPORT_CONFG", "MODELPORT_CONFIG"],
      ["MODELPORT_MAX_BATCH_SIZE", "MAX_BATCH_SIZE"],
      ["MODELPORT_ADRESS", "MODELPORT_ADDRESS"],
      ["MODELPORT_LOAD_TIMEOUT", "--load-timeout"],
    ] as const) {
      const { problems } = await load({ [name]: "1" });
      assert.deepEqual(problems, [`unknown setting ${name}: did you mean ${meant}?`]);
    }
  });

  it("are only doubtful without it: they may be somebody else's", async () => {
    const { config, warnings } = await load({ LOADING_CONCURENCY: "4" });
    assert.ok(config);
    assert.deepEqual(warnings, [
      "unknown setting LOADING_CONCURENCY: did you mean LOADING_CONCURRENCY?",
    ]);
  });

  it("are no concern of ours if Kubernetes, scripts or commands have set them", async () => {
    const { config, warnings } = await load({
      MODELPORT_PORT: "tcp://10.0.0.7:8085",
      MODELPORT_PORT_8085_TCP: "tcp://10.0.0.7:8085",
      MODELPORT_PORT_8085_TCP_ADDR: "10.0.0.7",
      MODELPORT_SERVICE_HOST: "10.0.0.7",
      MODELPORT_SERVICE_PORT_GRPC: "8085",
      MODELPORT_ADDRESS: "localhost:1",
      MODELPORT_REQUIRE_BROWSER: "1",
      MODELPORT_MEMORY_BYTES: "1",
    });
    assert.ok(config);
    assert.deepEqual(warnings, []);
  });

  it("include the variables of all commands", () => {
    const options = Object.values<OptionSpec>(clientOptions);
    assert.deepEqual(
      commandVariables,
      options.flatMap(({ env }) => env ?? []),
    );
  });
});
