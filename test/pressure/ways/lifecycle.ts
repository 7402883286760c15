import { type Fault, FileServer } from "../../support/fakes/file-server.ts";
import { weights } from "../../support/models/layered-models.ts";
import { addConstant } from "../../support/models/simple-models.ts";
import { loadCall, predictCall, unloadCall } from "../messages.ts";
import { type Pressed, pause, repeat, type Way } from "../way.ts";
import { callGrpc, openSession } from "../wire-calls.ts";

const MiB = 1024 * 1024;

export const lifecycleWays: readonly Way[] = [
  {
    name: "models loaded and unloaded",
    about: "8 callers who load, ask and unload small models of three kinds",
    refusals: ["RESOURCE_EXHAUSTED"],
    answers: "some",
    press: (pressed) =>
      loadAndUnload(pressed, 8, () => pressed.random.pick(["add", "mlp", "convs"]), { must: true }),
  },
  {
    name: "large models loaded and unloaded",
    about: "3 callers who load and unload models of 33 MiB",
    refusals: ["RESOURCE_EXHAUSTED"],
    answers: "some",
    press: (pressed) => loadAndUnload(pressed, 3, () => "wide", { must: false }),
  },
  {
    name: "loads given up",
    about: "3 callers who load a model of 200 MiB and leave before it is there",
    refusals: ["RESOURCE_EXHAUSTED", "cut", "CANCELLED"],
    answers: "any",
    async press(pressed) {
      const { port, stop, tally, random } = pressed;
      await repeat(pressed, 3, async (caller) => {
        const session = openSession(port);
        const signal = AbortSignal.any([stop, AbortSignal.timeout(20 + random.below(400))]);
        tally.count(await callGrpc(session, { ...loadCall(`left-${caller}`, "big"), signal }));
        await callGrpc(session, unloadCall(`left-${caller}`));
        session.destroy();
      });
    },
  },
  {
    name: "sizes of large files predicted",
    about: "16 callers of predictModelSize for files of 200 and 33 MiB, and bad ones",
    refusals: [],
    answers: "some",
    async press(pressed) {
      const { port, stop: signal, tally, random } = pressed;
      const session = openSession(port);
      await repeat(pressed, 16, async () => {
        const path = random.pick(["big", "wide", "convs", "truncated", "junk"]);
        tally.count(await callGrpc(session, { ...predictCall(path), signal }), { must: true });
      });
      session.destroy();
    },
  },
  {
    name: "loads of bad files",
    about: "4 callers who load files that are cut off, no model, or of unknown operators",
    refusals: ["INVALID_ARGUMENT", "INTERNAL", "FAILED_PRECONDITION", "NOT_FOUND"],
    answers: "none",
    async press(pressed) {
      const { port, stop: signal, tally, random } = pressed;
      const session = openSession(port);
      await repeat(pressed, 4, async (caller) => {
        const path = random.pick(["truncated", "junk", "unknown", "nowhere"]);
        tally.count(await callGrpc(session, { ...loadCall(`bad-${caller}`, path), signal }));
        await callGrpc(session, unloadCall(`bad-${caller}`));
      });
      session.destroy();
    },
  },
  {
    name: "pull storms",
    about:
      "12 callers whose models come from a store over HTTP, some of them slowly, cut off or damaged",
    refusals: [
      "RESOURCE_EXHAUSTED",
      "UNAVAILABLE",
      "INTERNAL",
      "FAILED_PRECONDITION",
      "NOT_FOUND",
      "INVALID_ARGUMENT",
    ],
    answers: "some",
    press: pullStorm,
  },
  {
    name: "hosts killed",
    about: "every other second one of the hosts is killed, beside calls that have to be answered",
    refusals: ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    answers: "some",
    async press(pressed) {
      const { stop, random } = pressed;
      const killing = (async () => {
        while (!stop.aborted) {
          await pause(stop, 2_000);
          const hosts = pressed.hostPids();
          const pid = hosts[random.below(hosts.length)];
          if (pid !== undefined && !stop.aborted) killIfThere(pid);
        }
      })();
      await loadAndUnload(pressed, 4, () => random.pick(["mlp", "convs"]), { must: false });
      await killing;
    },
  },
];

/** The host may have ended by itself since it was listed. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function loadAndUnload(
  pressed: Pressed,
  callers: number,
  pick: () => string,
  { must }: { must: boolean },
): Promise<void> {
  const { port, tally } = pressed;
  const session = openSession(port);
  await repeat(pressed, callers, async (caller) => {
    const id = `come-and-go-${caller}`;
    tally.count(await callGrpc(session, loadCall(id, pick())), { must });
    tally.count(await callGrpc(session, unloadCall(id)), { must: true });
  });
  session.destroy();
}

async function pullStorm(pressed: Pressed): Promise<void> {
  const { port, stop: signal, tally, random } = pressed;
  const server = new FileServer();
  await server.listen();
  server.put("/big/model.onnx", Buffer.from(weights({ bytes: 16 * MiB })));
  const session = openSession(port);
  await repeat(pressed, 12, async (caller) => {
    const id = `pulled-${caller}`;
    // Of all others different, or it would come from the cache.
    const isBig = random.below(3) === 0;
    const path = isBig ? "/big/model.onnx" : `/small/${caller}/model.onnx`;
    if (!isBig) server.put(path, Buffer.from(addConstant(random.below(1e9))));
    if (random.below(4) === 0) {
      server.fail(
        path,
        random.pick<Fault>([{ cutAfter: 100 }, { corrupt: true }, { status: 503 }]),
      );
    }
    const url = `${server.origin}${path}`;
    const key = JSON.stringify({ storage_params: { type: "http", url } });
    const { path: method, message } = loadCall(id, "", key);
    tally.count(await callGrpc(session, { path: method, message, signal }));
    await callGrpc(session, unloadCall(id));
  });
  session.destroy();
  await server.close();
}
