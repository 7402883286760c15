// Asks the runtime on this machine how it is, for probes where there is no curl: exits with 0 if all is well,
// else with 1.
//
//   node deploy/health.js           whether it serves; the same as `ready`. For traffic: it may take its time
//   node deploy/health.js live      whether it answers at all. For who would end it otherwise
//   node deploy/health.js ready 60  goes on asking for up to 60 seconds
//
// Finds the runtime as the environment says, which must be its own: at ADAPTER_PORT on loopback, where it must
// listen. With TLS it asks over UNIX_SOCKET_PATH if there is one; if the port wants certificates of its
// clients, by the pair that MODELPORT_CERT_FILE and MODELPORT_KEY_FILE name.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { json } from "node:stream/consumers";

// biome-ignore lint/style/noProcessEnv: a program of its own; it has no configuration but this.
const environment = process.env;
const [what = "ready", waitSeconds = "0"] = process.argv.slice(2);
const deadlineMs = performance.now() + Number(waitSeconds) * 1000;

function pem(name) {
  const path = environment[name];
  return path ? readFileSync(path) : undefined;
}

function ask() {
  const { TLS_CERT_PATH, TLS_PLAINTEXT, UNIX_SOCKET_PATH } = environment;
  const { ADAPTER_PORT, AIP_HTTP_PORT, SAGEMAKER_BIND_TO_PORT } = environment;
  const port = ADAPTER_PORT || AIP_HTTP_PORT || SAGEMAKER_BIND_TO_PORT || "8085";
  const tcp = { host: "127.0.0.1", port };
  const where = TLS_CERT_PATH && UNIX_SOCKET_PATH ? { socketPath: UNIX_SOCKET_PATH } : tcp;
  const options = {
    ...where,
    path: `/v2/health/${what}`,
    agent: false,
    signal: AbortSignal.timeout(5_000),
  };
  if (!TLS_CERT_PATH || UNIX_SOCKET_PATH || TLS_PLAINTEXT === "loopback") return http.get(options);
  return https.get({
    ...options,
    // Nothing secret is sent, and a certificate that has expired is no reason to end the process.
    rejectUnauthorized: false,
    cert: pem("MODELPORT_CERT_FILE"),
    key: pem("MODELPORT_KEY_FILE"),
  });
}

async function isWell() {
  try {
    const response = await new Promise((resolve, reject) => {
      ask().on("response", resolve).on("error", reject);
    });
    return (await json(response))[what] === true;
  } catch {
    return false; // Nobody listens yet, or what listens is not the runtime.
  }
}

let well = await isWell();
while (!well && performance.now() < deadlineMs) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  well = await isWell();
}
process.exitCode = well ? 0 : 1;
