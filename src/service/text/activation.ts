import type { ScoreActivation } from "../../engine/contract/text-facts.ts";

const activations: Readonly<Record<ScoreActivation, (logits: Float64Array) => Float64Array>> = {
  identity: (logits) => logits,
  sigmoid: (logits) => logits.map(sigmoid),
  softmax,
};

/** The scores of one row of logits, in double precision. */
export function scoresOf(logits: Float32Array, activation: ScoreActivation): Float64Array {
  return activations[activation](Float64Array.from(logits));
}

/** Both branches keep `exp` from overflowing. */
function sigmoid(logit: number): number {
  if (logit >= 0) return 1 / (1 + Math.exp(-logit));
  const power = Math.exp(logit);
  return power / (1 + power);
}

function softmax(logits: Float64Array): Float64Array {
  const greatest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const powers = logits.map((logit) => Math.exp(logit - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
