import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig, readConfig } from "../../../src/config/config.ts";
import { defaultRunSettings } from "../../../src/config/run-settings.ts";

const GiB = 1024 ** 3;
const roomy = { CONTAINER_MEM_REQ_BYTES: String(4 * GiB) };

describe("the configuration", () => {
  it("gives models the container's memory minus the buffer", () => {
    const env = { CONTAINER_MEM_REQ_BYTES: String(2 * GiB), MEM_BUFFER_BYTES: String(GiB / 2) };
    assert.equal(readConfig([], env).capacityBytes, 1.5 * GiB);
  });

  it("takes the machine's memory when nothing else is said", () => {
    const { capacityBytes } = readConfig([], {});
    assert.ok(capacityBytes > 0 && Number.isSafeInteger(capacityBytes));
  });

  it("lets flags go before variables, and variables before defaults", () => {
    const env = { ...roomy, ADAPTER_PORT: "9000", LOADTIME_TIMEOUT: "90000", RUNTIME_VERSION: "" };
    const config = readConfig(["--port", "0", "--model-repository=m"], env);
    assert.equal(config.port, 0);
    assert.equal(config.loadTimeoutMs, 90_000);
    assert.equal(config.runtimeVersion, "0.1.0");
    assert.match(config.modelRoots[0] ?? "", /\/m$/);
    assert.deepEqual(config.modelRoots.slice(1), ["/models", "/pvc_mounts"]);
    assert.ok(Object.isFrozen(config));
  });

  it("has what holds for models that do not say otherwise", () => {
    assert.deepEqual(readConfig([], roomy).runSettings, defaultRunSettings);
    const env = {
      ...roomy,
      MAX_BATCH_SIZE: "8",
      MAX_QUEUE_DELAY_MICROSECONDS: "100",
      MAX_QUEUE_SIZE: "16",
      MAX_QUEUE_WAIT: "300",
      QUEUE_TIMEOUT_MICROSECONDS: "5000",
      RUN_TIMEOUT: "60000",
      LIMIT_PER_MODEL_CONCURRENCY: "2",
      WARMUP_BATCH_SIZE: "4",
      INTRA_OP_THREADS: "3",
      OUTPUT_NAMES: "fil",
      BOOSTING_ROUNDS: "all",
      TEXT_TASK: "rerank",
      TEXT_MAX_TOKENS: "128",
      TEXT_WEIGHTS: "mapped",
      ONNX_FILE: "onnx/model_O3.onnx",
    };
    assert.deepEqual(readConfig([], env).runSettings, {
      maxBatchSize: 8,
      promisesRows: false,
      maxQueueDelayMicroseconds: 100,
      maxQueueSize: 16,
      maxQueueWaitMs: 300,
      queueTimeoutMicroseconds: 5_000,
      maxRunMs: 60_000,
      maxConcurrency: 2,
      warmupBatchSize: 4,
      threads: 3,
      outputNames: "fil",
      rounds: "all",
      textTask: "rerank",
      textMaxTokens: 128,
      textWeights: "mapped",
      onnxFile: "onnx/model_O3.onnx",
    });
  });

  it("lists every problem at once, by the name that the operator wrote", () => {
    const env = {
      ...roomy,
      LOADING_CONCURRENCY: "0",
      LOADTIME_TIMEOUT: "99",
      DEFAULT_MODELSIZE: "8192",
      MODELSIZE_MULTIPLIER: "-1",
      LOG_LEVEL: "loud",
    };
    assert.throws(
      () => readConfig(["--port", "70000"], env),
      (error: Error) => {
        const lines = error.message.split("\n");
        assert.equal(lines.length, 6);
        const port = /^--port is "70000", expected an integer from 0 to 65535/;
        assert.equal(lines.filter((line) => port.test(line)).length, 1);
        for (const name of Object.keys(env).slice(1)) assert.ok(error.message.includes(name), name);
        return true;
      },
    );
  });

  it("takes integers only where integers are meant", () => {
    for (const bad of ["1.5", "0x10", "1e400", " ", "ten", "NaN", "9007199254740993"]) {
      assert.throws(() => readConfig([], { ...roomy, MEM_BUFFER_BYTES: bad }), /MEM_BUFFER_BYTES/);
    }
  });

  it("refuses a capacity that would make ModelMesh end itself, with the container that would do", () => {
    const MiB = 1024 ** 2;
    const least = (env: Record<string, string>) => {
      try {
        readConfig([], env);
      } catch (error) {
        const { message } = error as Error;
        assert.match(message, /^CONTAINER_MEM_REQ_BYTES .*leaves \d+ bytes for models; /m);
        return message;
      }
      return assert.fail("was taken");
    };
    const tiny = { CONTAINER_MEM_REQ_BYTES: String(256 * MiB) };
    const told = least(tiny);
    assert.match(
      told,
      /leaves 0 bytes for models; ModelMesh needs at least 10000000 with DEFAULT_MODELSIZE/,
    );
    const [, enough = ""] = /CONTAINER_MEM_REQ_BYTES must be at least (\d+)/.exec(told) ?? [];
    assert.ok(readConfig([], { CONTAINER_MEM_REQ_BYTES: enough }).capacityBytes >= 10_000_000);
    least({ CONTAINER_MEM_REQ_BYTES: String(Number(enough) - 1) });
    const large = { CONTAINER_MEM_REQ_BYTES: String(GiB), DEFAULT_MODELSIZE: String(GiB / 2) };
    assert.match(least(large), /needs at least 1073741824/);
  });

  it("refuses a buffer without room for its parts, with the least that works, beside other problems", () => {
    const env = {
      CONTAINER_MEM_REQ_BYTES: "276824064",
      MEM_BUFFER_BYTES: "268435456",
      MAX_CONNECTION_BYTES: "1048576",
    };
    assert.throws(
      () => readConfig([], env),
      ({ message }: Error) => {
        const lines = message.split("\n");
        assert.equal(lines.length, 3, message);
        assert.match(lines[0] ?? "", /^MEM_BUFFER_BYTES \(256 MiB\) must be at least 336 MiB/);
        assert.match(lines[1] ?? "", /MEM_BUFFER_BYTES leaves 8388608 bytes/);
        assert.match(lines[2] ?? "", /MAX_CONNECTION_BYTES/);
        return true;
      },
    );
    for (const [name, bytes] of [
      ["RUN_MEMORY_BYTES", GiB],
      ["MAX_CALL_BYTES", GiB],
      ["HOST_WASTE_BYTES", GiB],
    ] as const) {
      const alone = { CONTAINER_MEM_REQ_BYTES: String(GiB), [name]: String(bytes) };
      assert.throws(() => readConfig([], alone), new RegExp(`leaves 0 bytes.*${name}`, "s"), name);
    }
  });

  it("shows what follows from the container in place of defaults", async () => {
    const { config, values } = await loadConfig([], { CONTAINER_MEM_REQ_BYTES: String(GiB) });
    assert.ok(config);
    const { memory, networkLimits, runMemoryBytes, engineHosts, maxWasteBytes } = config;
    assert.equal(values["run-memory"].value, memory.runs);
    assert.equal(runMemoryBytes, memory.runs);
    assert.equal(values["max-call-bytes"].value, memory.payloads);
    assert.equal(networkLimits.maxCallBytes, memory.payloads);
    assert.equal(networkLimits.maxConnectionBytes, memory.payloads);
    assert.equal(values["memory-buffer"].value, GiB - memory.models);
    assert.equal(values["engine-hosts"].value, engineHosts);
    assert.equal(values["host-waste"].value, maxWasteBytes);
    assert.equal(values["run-memory"].source.kind, "default");
  });

  it("names unknown flags", () => {
    assert.throws(() => readConfig(["--prot", "1"], roomy), /--prot/);
  });

  it("reads origins as browsers write them, and the names of this server", () => {
    const env = { ...roomy, CORS_ORIGINS: "https://Ops.example.com/, http://localhost:3000" };
    const { corsOrigins, allowedHosts } = readConfig(
      ["--allowed-hosts", "Models.example.com"],
      env,
    );
    assert.deepEqual(corsOrigins, ["https://ops.example.com", "http://localhost:3000"]);
    assert.deepEqual(allowedHosts, ["localhost", "models.example.com"]);
    assert.deepEqual(readConfig(["--host", "fe80::1%eth0"], roomy).allowedHosts, []);
    assert.deepEqual(readConfig(["--cors-origins", "https://a.example:443"], roomy).corsOrigins, [
      "https://a.example",
    ]);
  });

  it("refuses origins and names that no browser sends", () => {
    for (const bad of [
      "ops.example.com",
      "*",
      "https://a.example/page",
      "file:///",
      "https://u@a/",
    ]) {
      assert.throws(() => readConfig([], { ...roomy, CORS_ORIGINS: bad }), /CORS_ORIGINS has/, bad);
    }
    for (const bad of ["a.example:80", "https://a.example", "a b", "a/b", "*"]) {
      assert.throws(
        () => readConfig([], { ...roomy, ALLOWED_HOSTS: bad }),
        /ALLOWED_HOSTS has/,
        bad,
      );
    }
  });
});
