import type { TextLoopResult } from "../limits/text-loop.ts";
import type { Workbench } from "../workbench.ts";
import { loadEmbeddings } from "./http-embeddings.ts";
import { copyMiniLm, modelport, startWithMiniLm } from "./text-peers.ts";
import { mixedTexts, oneText } from "./texts.ts";

const rounds = { full: 4, quick: 1 };
const callers = 64;

/** Tokens per second at many callers, and the time of one text, beside a loop around ONNX Runtime. As for other models,
 *  the program may use all cores, and the loop uses one. */
export async function measureTextSpeed(bench: Workbench): Promise<void> {
  const folder = await copyMiniLm(bench);
  const { program } = await startWithMiniLm(bench, undefined, []);
  const server = { port: program.port, path: modelport.path };
  const seconds = bench.choose({ full: 6, quick: 0.5 });
  await loadEmbeddings(server, { callers, texts: mixedTexts, seconds: seconds / 3 });
  for (let round = 0; round < bench.choose(rounds); round++) {
    bench.log("mixed texts, limit");
    const many = await runLoop(bench, folder, mixedTexts);
    const tokensPerText = many.tokens / mixedTexts.length;
    bench.measurements.add(
      "text/mixed texts/session.run",
      "/s",
      many.textsPerSecond * tokensPerText,
    );
    bench.log(`mixed texts, ${callers} callers`);
    const { perSecond } = await loadEmbeddings(server, { callers, texts: mixedTexts, seconds });
    bench.measurements.add(
      `text/mixed texts, ${callers} callers/modelport`,
      "/s",
      perSecond * tokensPerText,
    );
    bench.log("one text");
    const alone = await runLoop(bench, folder, [oneText]);
    const { p50Us } = await loadEmbeddings(server, {
      callers: 1,
      texts: [oneText],
      seconds: seconds / 3,
    });
    bench.measurements.add("text/one text/session.run p50", "µs", alone.p50Us);
    bench.measurements.add("text/one text/modelport p50", "µs", p50Us);
    bench.measurements.add("text/one text/added", "µs", p50Us - alone.p50Us);
  }
  await program.stop();
}

async function runLoop(
  bench: Workbench,
  folder: string,
  texts: readonly string[],
): Promise<TextLoopResult> {
  const file = await bench.put("texts.json", Buffer.from(JSON.stringify(texts)));
  const seconds = bench.choose({ full: "3", quick: "0.3" });
  const result = await bench.runLimit("bench/limits/text-loop.ts", [folder, file, seconds]);
  return result as TextLoopResult;
}
