import { parentPort, workerData } from "node:worker_threads";
import { describeError, RuntimeError } from "../../base/errors.ts";
import type { PollThreadAnswer, PollThreadSetup } from "./poll-thread-messages.ts";
import { scanRepository } from "./scan-repository.ts";

// Entry point of the thread that looks at the repository. Each message asks for one look.

if (parentPort === null) throw new Error("this is the entry of a worker thread");
const server = parentPort;
const { directory } = workerData as PollThreadSetup;
server.on("message", () => server.postMessage(look()));

function look(): PollThreadAnswer {
  try {
    return { scan: scanRepository(directory) };
  } catch (error) {
    const kind = error instanceof RuntimeError ? error.kind : "temporarily-unavailable";
    return { failure: { kind, message: describeError(error) } };
  }
}
