import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig, readConfig } from "../../../../src/config/config.ts";

const MiB = 1024 * 1024;
const memory = { CONTAINER_MEM_REQ_BYTES: String(2048 * MiB) };

async function problemsOf(env: Record<string, string>): Promise<string> {
  return (await loadConfig([], { ...memory, ...env })).problems.join("\n");
}

describe("the settings of the payload log", () => {
  it("leave it off without a URL and a folder, and it takes no memory then", () => {
    const config = readConfig([], { ...memory, PAYLOAD_LOG_QUEUE_BYTES: String(64 * MiB) });
    assert.equal(config.payloadLog, undefined);
    const usual = readConfig([], memory);
    assert.deepEqual(config.memory, usual.memory);
  });

  it("take the queue and the thread from what is for models, as a part of the server", () => {
    const usual = readConfig([], memory).memory;
    const url = { PAYLOAD_LOG_URL: "http://sink:80/" };
    const small = readConfig([], { ...memory, ...url }).memory;
    const bytes = { PAYLOAD_LOG_QUEUE_BYTES: String(116 * MiB) };
    const large = readConfig([], { ...memory, ...url, ...bytes }).memory;
    assert.ok(small.server > usual.server + 16 * MiB);
    assert.equal(large.server, small.server + 100 * MiB);
    for (const { container, models, runs, payloads, server, hosts } of [small, large]) {
      assert.equal(models + runs + payloads + server + hosts, container);
    }
  });

  it("refuse what contradicts itself, by the names of the settings", async () => {
    const url = { PAYLOAD_LOG_URL: "http://sink:80/" };
    for (const [env, problem] of [
      [{ ...url, PAYLOAD_LOG_FOLDER: "/x" }, /PAYLOAD_LOG_URL and PAYLOAD_LOG_FOLDER/],
      [{ PAYLOAD_LOG_URL: "s3://bucket" }, /PAYLOAD_LOG_URL is "s3:\/\/bucket", expected an http/],
      [{ PAYLOAD_LOG_URL: "http://u:p@sink/" }, /PAYLOAD_LOG_TOKEN_PATH/],
      [{ ...url, PAYLOAD_LOG_CERT_PATH: "/c" }, /PAYLOAD_LOG_KEY_PATH need each other/],
      [{ ...url, PAYLOAD_LOG_QUEUE_BYTES: String(2 * MiB) }, /at least three times/],
      [{ ...url, PAYLOAD_LOG_HEADERS: "a b" }, /PAYLOAD_LOG_HEADERS has "a b"/],
      [{ ...url, PAYLOAD_LOG_REDACT: "ssn" }, /PAYLOAD_LOG_REDACT has "ssn"/],
      [
        { PAYLOAD_LOG_FOLDER: "/x", PAYLOAD_LOG_FOLDER_BYTES: String(100 * MiB) },
        /PAYLOAD_LOG_FOLDER_BYTES .* at least twice/,
      ],
    ] as const) {
      assert.match(await problemsOf(env), problem);
    }
    assert.doesNotMatch(await problemsOf({ PAYLOAD_LOG_URL: "ftp://u:secret@sink/" }), /secret/);
    assert.equal(await problemsOf(url), "");
  });
});
