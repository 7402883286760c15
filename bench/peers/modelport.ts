import { openInference } from "./open-inference.ts";
import type { Peer } from "./peer.ts";
import { startModelport } from "./start-modelport.ts";

export const modelport: Peer = {
  ...openInference,
  name: "modelport",
  missing: undefined,
  start: (bench, models) =>
    startModelport(
      bench,
      models.map(({ model, file }) => ({ id: model.name, file })),
    ),
};
