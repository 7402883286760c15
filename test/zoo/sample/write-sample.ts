import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TriedKind } from "../run-zoo.ts";
import { readCase, readManifest, type ZooCase } from "../zoo-case.ts";
import { type Candidate, pickSample } from "./pick-sample.ts";
import { encodeSample, type SampleCase, samplePath } from "./sample-file.ts";

interface SampleCandidate extends Candidate, SampleCase {}

/** Writes the sample of models that `npm test` tries, out of those that were served equal, and resolves with
 *  one line about it. */
export async function writeSample(work: string, kinds: readonly TriedKind[]): Promise<string> {
  const candidates: SampleCandidate[] = [];
  for (const { kind, tried } of kinds) {
    const { cases } = await readManifest(work, kind);
    const equal = new Set(
      tried
        .filter(({ outcome }) => outcome.kind === "equal" && !outcome.random)
        .map(({ facts }) => facts.name),
    );
    for (const entry of cases) {
      if (equal.has(entry.name))
        candidates.push(await toCandidate(work, await readCase(work, entry)));
    }
  }
  const picked = new Set(pickSample(candidates));
  const file = encodeSample(candidates.filter((candidate) => picked.has(candidate)));
  await writeFile(samplePath, file);
  return `${picked.size} models in a sample of ${file.byteLength} bytes`;
}

async function toCandidate(work: string, { kind, name, model, runs }: ZooCase) {
  const bytes = new Uint8Array(await readFile(join(work, model)));
  const tensors = runs.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const sizeBytes = tensors.reduce((sum, { data }) => sum + data.byteLength, bytes.byteLength);
  return { kind, name, model: bytes, runs, sizeBytes };
}
