import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { suiteCleanup } from "../support/fakes/fake-server.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";
import { type DashboardPage, openDashboard } from "./dashboard-page.ts";
import { launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

const [operator, client] = ["operator-0123456789abcdef", "client-0123456789abcdef"];

describe("the dashboard of a server that wants tokens", { skip: skipWithoutChromium }, () => {
  const cleanup = suiteCleanup();
  let served: Served;
  let browser: Browser;
  let dashboard: DashboardPage;

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "modelport-tokens-"));
    cleanup.after(() => rm(folder, { recursive: true, force: true }));
    const write = async (name: string, token: string) => {
      await writeFile(join(folder, name), `${token}\n`);
      return join(folder, name);
    };
    served = await startServed([
      ...["--model-repository", "examples/models"],
      ...["--lifecycle-access", "authenticated", "--inference-access", "authenticated"],
      ...["--lifecycle-tokens", await write("operator", operator)],
      ...["--inference-tokens", await write("client", client)],
    ]);
    cleanup.after(async () => void (await served.stop()));
    await waitFor(() => served.output().includes("Try it"));
    browser = await launchChromium();
    cleanup.after(() => browser.close());
    dashboard = await openDashboard(browser, `http://localhost:${served.port}/`, {
      connection: "lost",
    });
  });

  async function enter(token: string): Promise<void> {
    const { page } = dashboard;
    await page.getByRole("button", { name: "Enter a token …" }).click();
    await page.getByRole("textbox", { name: /^Token/ }).fill(token);
    await page.getByRole("button", { name: "Use it" }).click();
  }

  it("asks for one, and shows with it what its bearer may see", async () => {
    const { page } = dashboard;
    await page.getByText("needs a token").waitFor();
    await enter(client);
    await dashboard.row("digits").waitFor();
    assert.equal(await page.getByRole("button", { name: /load .*…/i }).count(), 0);
  });

  it("takes another one that may do more, and keeps it when the page is loaded again", async () => {
    const { page } = dashboard;
    await page.getByRole("button", { name: "Enter a token …" }).click();
    assert.deepEqual(await dashboard.audit(), []);
    await page.getByRole("button", { name: "Close" }).click();
    await enter(operator);
    const load = page.getByRole("button", { name: "Load a model …" });
    await load.waitFor();
    await page.reload();
    await load.waitFor();
    assert.ok(!page.url().includes(operator));
    assert.equal(await page.evaluate("localStorage.length + document.cookie.length"), 0);
  });

  it("forgets it when told to", async () => {
    const { page } = dashboard;
    await page.getByRole("button", { name: "Forget the token" }).click();
    await page.getByRole("button", { name: "Enter a token …" }).waitFor();
    assert.equal(await page.evaluate("sessionStorage.length"), 0);
  });
});
