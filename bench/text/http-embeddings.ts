import { Agent, request } from "node:http";
import { json } from "node:stream/consumers";
import { quantile } from "../measurements.ts";

export interface EmbeddingServer {
  readonly port: number;
  readonly path: string;
}

/** Every server takes the model by this name. */
export const modelName = "minilm";

/** The embeddings of `input`, over OpenAI's wire. */
export async function embed(
  server: EmbeddingServer,
  input: readonly string[],
  { model = modelName, agent }: { readonly model?: string; readonly agent?: Agent } = {},
): Promise<Float64Array[]> {
  const body = JSON.stringify({ model, input, encoding_format: "float" });
  const answer = await post(server, body, agent);
  const { data } = answer as { data?: readonly { readonly embedding: readonly number[] }[] };
  if (data?.length !== input.length) {
    throw new Error(`${server.path} answered ${JSON.stringify(answer).slice(0, 300)}`);
  }
  return data.map(({ embedding }) => Float64Array.from(embedding));
}

export interface CallerLoad {
  readonly callers: number;
  readonly texts: readonly string[];
  readonly seconds: number;
}

/** Lets callers embed one text after another, each over a connection of its own. Resolves with calls per
 *  second and the median time of one. */
export async function loadEmbeddings(
  server: EmbeddingServer,
  { callers, texts, seconds }: CallerLoad,
): Promise<{ readonly perSecond: number; readonly p50Us: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const timesUs: number[] = [];
  let next = 0;
  const startMs = performance.now();
  // Every text is embedded equally often, so that loads of different servers are alike.
  const isOver = () => performance.now() - startMs > seconds * 1000 && next % texts.length === 0;
  let over = false;
  const caller = async () => {
    for (;;) {
      over ||= next > 0 && isOver();
      if (over) return;
      const text = texts[next++ % texts.length] ?? "";
      const beganMs = performance.now();
      await embed(server, [text], { agent });
      timesUs.push((performance.now() - beganMs) * 1000);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
    const tookMs = performance.now() - startMs;
    return { perSecond: (timesUs.length / tookMs) * 1000, p50Us: quantile(timesUs, 0.5) };
  } finally {
    agent.destroy();
  }
}

function post(server: EmbeddingServer, body: string, agent?: Agent): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const call = request(
    {
      ...server,
      host: "127.0.0.1",
      method: "POST",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      ...(agent === undefined ? {} : { agent }),
    },
    (response) => void json(response).then(resolve, reject),
  );
  call.once("error", reject);
  call.end(body);
  return promise;
}
