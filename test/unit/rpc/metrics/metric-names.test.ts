import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { ProcessMetrics } from "../../../../src/rpc/metrics/process-metrics.ts";
import { type MetricRow, metricTable } from "../../../../src/rpc/metrics/table.ts";
import { projectRoot } from "../../../support/servers/served.ts";

const read = (file: string) => readFileSync(join(projectRoot, "deploy", file), "utf8");
const table: ReadonlyMap<string, MetricRow> = new Map(Object.entries(metricTable));
const ofProcess = new Map(new ProcessMetrics().families.map(({ name, type }) => [name, type]));
/** What Kubernetes' scrape adds. */
const ofTarget = ["namespace", "pod"];

/** Every text below a key of this name, however deep. */
function textsOf(key: string, within: unknown): string[] {
  if (typeof within !== "object" || within === null) return [];
  return Object.entries(within).flatMap(([name, value]) =>
    name === key && typeof value === "string" ? [value] : textsOf(key, value),
  );
}

/** Metrics of ours or of Node's that an expression names, with the labels that it selects by. */
function metricsIn(expression: string): { name: string; labels: string[] }[] {
  const found = expression.matchAll(/\b((?:modelport|process|nodejs)_\w+)(?:\{([^}]*)\})?/g);
  return Array.from(found, ([, name = "", selector = ""]) => ({
    name,
    labels: Array.from(selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g), ([, label = ""]) => label),
  }));
}

/** What is wrong with `use`; undefined if there is such a metric with such labels. */
function problemOf({ name, labels }: { name: string; labels: readonly string[] }) {
  const [, base = name] = /^(.*)_(?:bucket|sum|count)$/.exec(name) ?? [];
  const row =
    table.get(name) ?? (table.get(base)?.type === "histogram" ? table.get(base) : undefined);
  if (row === undefined) {
    const isThere = ofProcess.has(name) || ofProcess.get(base) === "histogram";
    return isThere ? undefined : `there is no metric ${name}`;
  }
  const known = [...row.labels, ...ofTarget, ...(row.type === "histogram" ? ["le"] : [])];
  const unknown = labels.find((label) => !known.includes(label));
  return unknown === undefined ? undefined : `${name} has no label ${unknown}`;
}

describe("the names that operators are given", () => {
  const dashboard = JSON.parse(read("grafana/dashboard.json"));
  const sources = {
    "the dashboard": [...textsOf("expr", dashboard), ...textsOf("query", dashboard)],
    "the alerts": textsOf("expr", parse(read("prometheus/alerts.yaml"))),
    "the cases of the alerts": textsOf("series", parse(read("prometheus/alerts.test.yaml"))),
  };
  for (const [where, expressions] of Object.entries(sources)) {
    it(`are, in ${where}, those of metrics with such labels`, () => {
      const used = expressions.flatMap(metricsIn);
      assert.ok(used.length > 10);
      assert.deepEqual(
        used.map(problemOf).filter((problem) => problem !== undefined),
        [],
      );
    });
  }

  it("would be missed if they were wrong", () => {
    const wrong =
      'sum(rate(modelport_no_such_total{pod="a"}[5m])) / modelport_loads{stat="waiting"}';
    assert.deepEqual(metricsIn(wrong).map(problemOf), [
      "there is no metric modelport_no_such_total",
      "modelport_loads has no label stat",
    ]);
    assert.equal(
      problemOf({ name: "modelport_ready_bucket", labels: [] }),
      "there is no metric modelport_ready_bucket",
    );
  });

  it("leave nothing out: each metric of ours is on the dashboard", () => {
    const shown = sources["the dashboard"].flatMap(metricsIn).map(({ name }) => name);
    const isShown = (name: string) =>
      shown.some((each) => each === name || each.replace(/_(bucket|sum|count)$/, "") === name);
    assert.deepEqual(
      [...table.keys()].filter((name) => !isShown(name)),
      [],
    );
  });

  it("hold to Prometheus' rules: base units, and _total for counters alone", () => {
    for (const [name, { type }] of table) {
      assert.equal(/_total$/.test(name), type === "counter", name);
      assert.doesNotMatch(name, /_(ms|milliseconds|mib|percent)(_|$)/);
    }
  });
});
