// Asks the runtime on this machine whether it serves, for probes where there is no curl: exits with 0 if
// it does, else with 1. `node deploy/health.js 60` goes on asking for up to 60 seconds.
//
// Finds the runtime at ADAPTER_PORT on loopback, so that runtime must have its port from there too, and
// must listen on loopback or on every address.

// biome-ignore lint/style/noProcessEnv: a program of its own; it has no configuration but this.
const port = process.env.ADAPTER_PORT || "8085";
const waitMs = Number(process.argv[2] ?? 0) * 1000;
const deadlineMs = Date.now() + waitMs;

async function serves() {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(5_000),
    });
    return (await response.json()).status === "SERVING";
  } catch {
    return false; // Nobody listens yet, or what listens is not the runtime.
  }
}

let healthy = await serves();
while (!healthy && Date.now() < deadlineMs) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  healthy = await serves();
}
process.exitCode = healthy ? 0 : 1;
