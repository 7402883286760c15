import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { callRest } from "../support/clients/rest-calls.ts";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";
import { inTemporaryFolder } from "../tooling/temporary-folder.ts";

const extracted = join(projectRoot, "node_modules/.cache/prometheus/usr/bin");
const tool = (name: string) => (existsSync(join(extracted, name)) ? join(extracted, name) : name);
const [promtool, prometheus] = [tool("promtool"), tool("prometheus")];
const isThere = [promtool, prometheus].every((file) => spawnSync(file, ["--version"]).status === 0);
const isRequired = process.env["MODELPORT_REQUIRE_PROMETHEUS"] === "1";
const skip = isThere || isRequired ? false : "Prometheus is not installed";

/** Runs promtool, and fails with what it says if it finds fault. */
function check(args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(promtool, args, { input, encoding: "utf8" });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout + stderr;
}

describe("Prometheus", { timeout: 300_000, skip }, () => {
  const rules = join(projectRoot, "deploy/prometheus");
  let served: Served;
  before(async () => {
    served = await startExampleModels();
    const path = "/v2/models/iris/infer";
    const inputs = [{ name: "measurements", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] }];
    const good = await callRest(served.port, path, { method: "POST", body: { inputs } });
    assert.equal(good.status, 200, good.bytes.toString());
    await callRest(served.port, "/v2/models/nobody/infer", { method: "POST", body: { inputs } });
  });
  after(() => served?.stop());

  it("takes the alert rules, and they fire when they should", () => {
    assert.match(check(["check", "rules", join(rules, "alerts.yaml")]), /11 rules found/);
    check(["test", "rules", join(rules, "alerts.test.yaml")]);
  });

  it("finds nothing to object to in what is scraped", async () => {
    const { bytes } = await callRest(served.port, "/metrics");
    const text = bytes.toString();
    assert.match(
      text,
      /modelport_model_requests_total\{model="iris",version="1",outcome="success"\} 1/,
    );
    const ours = text.split("\n\n").filter((metric) => metric.includes("modelport_"));
    assert.equal(check(["check", "metrics"], `${ours.join("\n\n")}\n`), "");
  });

  it("scrapes the server, in OpenMetrics, and answers questions about it", async () => {
    await inTemporaryFolder(async (folder) => {
      const target = `localhost:${served.port}`;
      const config = {
        global: { scrape_interval: "200ms", scrape_timeout: "200ms" },
        scrape_configs: [{ job_name: "modelport", static_configs: [{ targets: [target] }] }],
        rule_files: [join(rules, "alerts.yaml")],
      };
      // JSON is YAML.
      await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
      const address = await withPrometheus(folder, async (url) => {
        for (const endMs = Date.now() + 20_000; Date.now() < endMs; ) {
          const query = encodeURIComponent('modelport_model_requests_total{model="iris"}');
          const answer = await fetch(`${url}/api/v1/query?query=${query}`).catch(() => undefined);
          // It is not ready at once.
          const body = answer?.ok ? ((await answer.json()) as QueryAnswer) : undefined;
          const found = body?.data?.result.find(({ metric }) => metric["outcome"] === "success");
          if (found !== undefined) {
            assert.equal(found.value[1], "1");
            const targets = (await (await fetch(`${url}/api/v1/targets`)).json()) as TargetsAnswer;
            assert.deepEqual(
              targets.data.activeTargets.map(({ health, lastError }) => [health, lastError]),
              [["up", ""]],
            );
            return url;
          }
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        throw new Error("nothing was scraped");
      });
      assert.match(address, /^http/);
    });
  });
});

interface QueryAnswer {
  readonly data?: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly value: readonly [number, string];
    }[];
  };
}

interface TargetsAnswer {
  readonly data: {
    readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
  };
}

/** Runs Prometheus on a free port, with its configuration and data in `folder`. */
async function withPrometheus<T>(folder: string, use: (url: string) => Promise<T>): Promise<T> {
  const child = spawn(
    prometheus,
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(child, "exit");
  try {
    let said = "";
    const url = await new Promise<string>((resolve, reject) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        // It first says what it was told.
        const [, port] = /address=127\.0\.0\.1:([1-9]\d*)/.exec(said) ?? [];
        if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
      });
      child.once("error", reject);
      child.once("exit", () => reject(new Error(said)));
    });
    return await use(url);
  } finally {
    child.kill("SIGTERM");
    await exited;
  }
}
