import { access, constants, stat, statfs } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { dirname } from "node:path";
import { describeError } from "../base/errors.ts";
import { mebibytes } from "../base/mebibytes.ts";
import type { Config } from "../config/config.ts";
import type { PayloadSink } from "../config/payload-log/payload-log-settings.ts";
import { SinkFiles } from "../rpc/payload-log/sinks/sink-files.ts";
import { type Finding, judgeOf } from "./finding.ts";

const judge = judgeOf("payload log");
const limitMs = 5_000;

/** Whether the sink of the payload log can be reached, or its folder written. No findings if the log is off. */
export async function checkPayloadLog({
  payloadLog,
}: Pick<Config, "payloadLog">): Promise<Finding[]> {
  if (payloadLog === undefined) return [];
  const { sink } = payloadLog;
  return [sink.kind === "http" ? await checkUrl(sink) : await checkFolder(sink)];
}

async function checkUrl(sink: Extract<PayloadSink, { kind: "http" }>): Promise<Finding> {
  const { origin } = new URL(sink.url);
  try {
    const status = await ask(sink);
    if (status >= 300 && status < 400) {
      const advice = "set PAYLOAD_LOG_URL to where it points: redirects are not followed";
      return judge("fail", `${origin} answers ${status}, a redirect`, advice);
    }
    if (status === 401 || status === 403) {
      const advice = "check the token in PAYLOAD_LOG_TOKEN_PATH, or the client certificate";
      return judge("warn", `${origin} answers ${status} to OPTIONS`, advice);
    }
    if (status >= 500) {
      const advice = "look into the sink's own log; events are dropped meanwhile";
      return judge("warn", `${origin} answers ${status} to OPTIONS`, advice);
    }
    return judge("ok", `${origin} can be reached`);
  } catch (error) {
    const advice =
      "check PAYLOAD_LOG_URL and the network, or its certificate (PAYLOAD_LOG_CA_PATH); models are served, but their payloads are dropped";
    return judge("warn", `${origin} cannot be reached: ${describeError(error)}`, advice);
  }
}

/** The status of an answer to OPTIONS, which changes nothing. */
async function ask(sink: Extract<PayloadSink, { kind: "http" }>): Promise<number> {
  const { tls, token } = await new SinkFiles(sink).read();
  const send = sink.url.startsWith("https:") ? https.request : http.request;
  return new Promise((resolve, reject) => {
    const request = send(sink.url, {
      method: "OPTIONS",
      agent: false,
      ...tls,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(limitMs),
    });
    request.on("response", (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end();
  });
}

async function checkFolder({
  folder,
  folderBytes,
}: Extract<PayloadSink, { kind: "files" }>): Promise<Finding> {
  try {
    const there = await existing(folder);
    await access(there, constants.W_OK | constants.X_OK);
    if (!(await stat(there)).isDirectory()) throw new Error(`${there} is no folder`);
    const { bavail, bsize } = await statfs(there);
    const freeBytes = bavail * bsize;
    if (freeBytes >= folderBytes) return judge("ok", `${folder} can be written`);
    const message = `${folder} has ${mebibytes(freeBytes)} MiB free, and its files may take ${mebibytes(folderBytes)}`;
    return judge("warn", message, "lower PAYLOAD_LOG_FOLDER_BYTES, or free some space");
  } catch (error) {
    const advice = "correct PAYLOAD_LOG_FOLDER, or give this user the right to write there";
    return judge("fail", `${folder} cannot be written: ${describeError(error)}`, advice);
  }
}

/** The folder, or the nearest one above it that is there: the server makes the others. */
async function existing(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere || dirname(path) === path) return path;
  }
}
