import type { Random } from "../../support/attacks/mutate.ts";
import { inferMessage, outputOf, zeros } from "../messages.ts";
import { type Pressed, repeat, type Way } from "../way.ts";
import { callGrpc, openSession } from "../wire-calls.ts";

interface Run {
  readonly model: string;
  readonly shape: readonly number[];
  /** Of the one output. */
  readonly answerBytes: number;
  /** Whether what it takes is little enough to fit whatever else is done. */
  readonly must: boolean;
}

interface RunWay {
  readonly name: string;
  readonly about: string;
  /** Model id -> its name in `pressureModels`. */
  readonly models: Readonly<Record<string, string>>;
  readonly callers: number;
  readonly mayNotFit?: boolean;
  readonly answers?: Way["answers"];
  next(random: Random, loaded: readonly string[]): Run;
}

/** Runs of models that take little to hold and much to run. What cannot fit is refused with its figures. */
function runWay({
  name,
  about,
  models,
  callers,
  mayNotFit = false,
  answers = "some",
  next,
}: RunWay): Way {
  return {
    name,
    about,
    refusals: ["RESOURCE_EXHAUSTED"],
    answers,
    models,
    mayNotFit,
    async press(pressed) {
      const session = openSession(pressed.port);
      await repeat(pressed, callers, async () => {
        await infer(pressed, session, next(pressed.random, pressed.loaded));
      });
      session.destroy();
    },
  };
}

async function infer(
  { stop: signal, tally }: Pressed,
  session: ReturnType<typeof openSession>,
  { model, shape, answerBytes, must }: Run,
): Promise<void> {
  const check = outputOf(answerBytes);
  tally.count(await callGrpc(session, { message: zeros(model, shape), signal, check }), { must });
}

/** Some rows: one in two calls has few. */
function someRows(random: Random, few: number, most: number): { rows: number; must: boolean } {
  const must = random.below(2) === 0;
  const rows = must ? 1 + random.below(few) : most / 4 + random.below((most * 3) / 4) + 1;
  return { rows, must };
}

const twelve = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`wide-${at}`, "wide"]));

export const runWays: readonly Way[] = [
  runWay({
    name: "12 dedicated models, huge batches",
    about: "12 models of 33 MiB with hosts of their own, each asked for up to 220 rows of 2.1 MiB",
    models: twelve,
    mayNotFit: true,
    callers: 4,
    next(random, loaded) {
      const { rows, must } = someRows(random, 8, 220);
      const model = loaded[random.below(loaded.length)] ?? "";
      return { model, shape: [rows, 16], answerBytes: 4 * rows, must };
    },
  }),
  runWay({
    name: "convolutions, 64 to 256 rows",
    about: "4 callers; a row of 64 x 64 takes about 1 MiB on the way",
    models: { convs: "convs" },
    callers: 4,
    next(random) {
      const { rows, must } = someRows(random, 16, 256);
      return { model: "convs", shape: [rows, 3, 64, 64], answerBytes: 4 * rows, must };
    },
  }),
  runWay({
    name: "LSTM, 64 to 256 rows",
    about: "4 callers; 32 steps of 256",
    models: { lstm: "lstm" },
    callers: 4,
    next(random) {
      const { rows, must } = someRows(random, 32, 256);
      return { model: "lstm", shape: [32, rows, 64], answerBytes: 4 * rows, must };
    },
  }),
  runWay({
    name: "attention, 64 to 256 rows",
    about: "4 callers; 512 tokens, so that a row takes 2 MiB on the way",
    models: { attention: "attention" },
    callers: 4,
    next(random) {
      const { rows, must } = someRows(random, 8, 256);
      return { model: "attention", shape: [rows, 512, 32], answerBytes: 4 * rows, must };
    },
  }),
  runWay({
    name: "outer products",
    about: "4 callers whose few kB become up to 1 GiB on the way",
    models: { outer: "outer" },
    callers: 4,
    next(random) {
      const must = random.below(2) === 0;
      const size = must ? 1 + random.below(2000) : 2000 + random.below(14_000);
      return { model: "outer", shape: [1, size], answerBytes: 4, must };
    },
  }),
  runWay({
    name: "upsampling",
    about: "4 callers; a row becomes 3 MiB on the way",
    models: { upsample: "upsample" },
    callers: 4,
    next(random) {
      const { rows, must } = someRows(random, 8, 256);
      return { model: "upsample", shape: [rows, 3, 32, 32], answerBytes: 4 * rows, must };
    },
  }),
  runWay({
    name: "many different shapes",
    about: "8 callers, each of whose images has another size",
    models: { convs: "convs" },
    callers: 8,
    next(random) {
      const [height, width] = [8 + random.below(300), 8 + random.below(300)];
      return { model: "convs", shape: [1, 3, height, width], answerBytes: 4, must: true };
    },
  }),
  runWay({
    name: "joined requests",
    about: "64 callers with one to four rows each, which the server joins",
    models: { convs: "convs", attention: "attention" },
    callers: 64,
    next(random) {
      const rows = 1 + random.below(4);
      const [model, row] = random.pick([
        ["convs", [3, 48, 48]],
        ["attention", [256, 32]],
      ] as const);
      return { model, shape: [rows, ...row], answerBytes: 4 * rows, must: true };
    },
  }),
  runWay({
    name: "runs that never fit",
    about: "two models whose runs take 1.5 GiB, one of which does not show it",
    models: { bomb: "bomb", hidden: "hidden" },
    callers: 2,
    answers: "none",
    next: (random) => ({
      model: random.pick(["bomb", "hidden"]),
      shape: [1, 4],
      answerBytes: 16,
      must: false,
    }),
  }),
  {
    name: "large string tensors",
    about: "4 callers with a million strings each, and with one string of 30 MB",
    refusals: ["RESOURCE_EXHAUSTED"],
    answers: "some",
    async press(pressed) {
      const { port, stop: signal, tally, random, scale } = pressed;
      const bytes = Math.round(20_000_000 * Math.min(1, scale));
      const tensors = [strings(16, bytes / 20), strings(bytes, 1)];
      const session = openSession(port);
      await repeat(pressed, 4, async () => {
        const message = tensors[random.below(2)] as Uint8Array;
        tally.count(await callGrpc(session, { message, signal }));
      });
      session.destroy();
    },
  },
];

/** `count` strings of `length` letters for the model that gives them back. */
function strings(length: number, count: number): Uint8Array {
  const one = Buffer.alloc(4 + length, "w");
  one.writeUInt32LE(length, 0);
  const raw = Buffer.alloc(one.length * Math.floor(count), one);
  return inferMessage("words", [
    { name: "x", datatype: "BYTES", shape: [1, Math.floor(count)], raw },
  ]);
}
