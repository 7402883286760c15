import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Histogram } from "../../../../src/base/histogram.ts";
import { Exposition } from "../../../../src/rpc/metrics/exposition.ts";

describe("the text of metrics", () => {
  const labels = { model: 'a "b" \\ c\nd' };
  const counter = { name: "x_total", help: "of \\ and\nof lines", type: "counter" };

  it("escapes what would end a label, a help text or a line", () => {
    const text = new Exposition("");
    assert.equal(
      text.head(counter),
      "# HELP x_total of \\\\ and\\nof lines\n# TYPE x_total counter\n",
    );
    assert.equal(
      text.line({ name: "x_total", value: 1, labels }),
      'x_total{model="a \\"b\\" \\\\ c\\nd"} 1\n',
    );
  });

  it("separates families by an empty line, but not in OpenMetrics, which has none", () => {
    const [plain, open] = ["", "application/openmetrics-text"].map(
      (accept) => new Exposition(accept),
    );
    const twice = (text: Exposition) => text.head(counter) + text.head(counter);
    assert.match(twice(plain as Exposition), /^# HELP.*\n# TYPE.*\n\n# HELP/);
    assert.match(twice(open as Exposition), /^# HELP.*\n# TYPE.*\n# HELP/);
  });

  it("names the family of a counter without its suffix in OpenMetrics, and ends with a mark", () => {
    const text = new Exposition("application/openmetrics-text; version=1.0.0, text/plain;q=0.5");
    assert.match(text.contentType, /^application\/openmetrics-text/);
    assert.match(text.head(counter), /^# HELP x of .*\n# TYPE x counter\n$/);
    assert.equal(text.line({ name: "x_total", value: 2, labels: {} }), "x_total 2\n");
    assert.equal(text.end, "# EOF\n");
  });

  it("follows the weights of the Accept header", () => {
    const accept = "application/openmetrics-text;q=0.4, text/plain;q=0.5";
    assert.match(new Exposition(accept).contentType, /^text\/plain/);
    assert.equal(new Exposition(accept).end, "");
  });

  it("writes numbers that are not finite as Prometheus reads them", () => {
    const text = new Exposition("");
    const written = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) =>
      text.line({ name: "x", value, labels: {} }),
    );
    assert.deepEqual(written, ["x NaN\n", "x +Inf\n", "x -Inf\n"]);
  });

  it("adds up the buckets of a histogram, in the metric's unit", () => {
    const histogram = new Histogram([10, 100]);
    for (const value of [5, 50, 500]) histogram.observe(value);
    const written = new Exposition("").histogram("x_seconds", histogram, {
      labels: { a: "b" },
      scale: 1_000,
    });
    assert.deepEqual(written.trimEnd().split("\n"), [
      'x_seconds_bucket{le="0.01",a="b"} 1',
      'x_seconds_bucket{le="0.1",a="b"} 2',
      'x_seconds_bucket{le="+Inf",a="b"} 3',
      'x_seconds_sum{a="b"} 0.555',
      'x_seconds_count{a="b"} 3',
    ]);
  });
});
