import type { Way } from "../way.ts";
import { connectionWays } from "./connections.ts";
import { elementWays } from "./elements.ts";
import { inflatedWays } from "./inflated.ts";
import { lifecycleWays } from "./lifecycle.ts";
import { payloadWays } from "./payloads.ts";
import { runWays } from "./runs.ts";
import { viewWays } from "./views.ts";

const alone: readonly Way[] = [
  ...inflatedWays,
  ...elementWays,
  ...payloadWays,
  ...connectionWays,
  ...runWays,
  ...lifecycleWays,
  ...viewWays,
];

/** Of which each is little beside its partner, or fills what its partner needs. */
const pairs: readonly (readonly [string, string])[] = [
  ["half-sent messages, gRPC", "12 dedicated models, huge batches"],
  ["unread answers, gRPC", "convolutions, 64 to 256 rows"],
  ["400 x 8 MB", "models loaded and unloaded"],
  ["gzip that is legal", "attention, 64 to 256 rows"],
  ["protobuf, parameters", "large models loaded and unloaded"],
  ["slow readers, REST", "upsampling"],
  ["huge headers, open calls", "joined requests"],
];

/** All ways to use memory, alone and some in pairs, in the order in which they are driven. */
export const allWays: readonly Way[] = [...alone, ...pairs.map(([a, b]) => pair(find(a), find(b)))];

function find(name: string): Way {
  const way = alone.find((each) => each.name === name);
  if (way === undefined) throw new Error(`there is no way called ${name}`);
  return way;
}

function pair(first: Way, second: Way): Way {
  return {
    name: `${first.name} + ${second.name}`,
    about: `${first.about}; and ${second.about}`,
    refusals: [...first.refusals, ...second.refusals],
    answers: "any",
    models: { ...first.models, ...second.models },
    mayNotFit: first.mayNotFit === true || second.mayNotFit === true,
    async press(pressed) {
      await Promise.all([first.press(pressed), second.press(pressed)]);
    },
  };
}
