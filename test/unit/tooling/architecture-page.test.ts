import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { nextStates } from "../../../src/service/lifecycle/model-state.ts";
import { projectRoot } from "../../support/servers/served.ts";

const page = readFileSync(join(projectRoot, "docs/architecture.md"), "utf8");

describe("docs/architecture.md", () => {
  it("draws every legal step in the life of a model, and no other", () => {
    const diagram = /```mermaid\n([^`]*)```/.exec(page)?.[1] ?? "";
    const drawn = [...diagram.matchAll(/^ +(\S+) --> (\S+?)(?::|$)/gm)]
      .map(([, from = "", to = ""]) => `${from} → ${to}`)
      .sort();
    const steps = Object.entries(nextStates).flatMap(([from, next]) =>
      next.length === 0 ? [`${from} → [*]`] : next.map((to) => `${from} → ${to}`),
    );
    assert.deepEqual(drawn, [...steps, "[*] → queued"].sort());
  });
});
