export const poolingModes = [
  "cls",
  "max",
  "mean",
  "mean_sqrt_len",
  "weightedmean",
  "lasttoken",
] as const;

/** Which vector of a text is made of those of its tokens. */
export type PoolingMode = (typeof poolingModes)[number];
