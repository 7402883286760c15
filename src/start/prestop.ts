import { get } from "node:http";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../observe/log.ts";

export interface PrestopOptions {
  /** The port of ModelMesh's pre-stop server on this machine. */
  readonly port: number;
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** Waits until the ModelMesh beside us has finished: it sends requests until its pre-stop server responds. If
 *  nothing listens there, the request fails or time is up, the shutdown goes on. Never rejects. */
export async function awaitPrestop({ port, timeoutMs, log }: PrestopOptions): Promise<void> {
  const startMs = performance.now();
  log.info({ port, timeoutMs }, "wait for ModelMesh started");
  const outcome = await new Promise<string>((resolve) => {
    // fetch would give up on the response after five minutes.
    const request = get({ host: "localhost", port, path: "/prestop", agent: false }, (response) => {
      response.resume();
      resolve(`HTTP ${response.statusCode}`);
    });
    request.on("error", (error) => resolve(describeError(error)));
    const timer = setTimeout(() => {
      resolve("timeout");
      request.destroy();
    }, timeoutMs);
    request.on("close", () => clearTimeout(timer));
  });
  const waitMs = Math.round(performance.now() - startMs);
  log.info({ outcome, waitMs }, "wait for ModelMesh finished");
}
