// Asks the runtime on this machine how it is, for probes where there is no curl: exits with 0 if all is well,
// else with 1.
//
//   node deploy/health.js           whether it serves; the same as `ready`
//   node deploy/health.js live      whether it answers at all
//   node deploy/health.js ready 60  goes on asking for up to 60 seconds
//
// Finds the runtime at ADAPTER_PORT on loopback, so that runtime must have its port from there too, and
// must listen on loopback or on every address.

// biome-ignore lint/style/noProcessEnv: a program of its own; it has no configuration but this.
const port = process.env.ADAPTER_PORT || "8085";
const [what = "ready", waitSeconds = "0"] = process.argv.slice(2);
const deadlineMs = Date.now() + Number(waitSeconds) * 1000;

async function isWell() {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v2/health/${what}`, {
      signal: AbortSignal.timeout(5_000),
    });
    return (await response.json())[what] === true;
  } catch {
    return false; // Nobody listens yet, or what listens is not the runtime.
  }
}

let well = await isWell();
while (!well && Date.now() < deadlineMs) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  well = await isWell();
}
process.exitCode = well ? 0 : 1;
