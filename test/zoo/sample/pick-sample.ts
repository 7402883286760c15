/** What is known of a model before it is picked. */
export interface Candidate {
  readonly kind: string;
  readonly name: string;
  /** Of the model and its tensors. */
  readonly sizeBytes: number;
}

const sampleSize = 150;

/** How many of each kind at most; operators fill up what is left. Packages are too large. */
const quotas: Readonly<Record<string, number>> = {
  simple: 6,
  "pytorch-operator": 6,
  "pytorch-converted": 8,
  sklearn: 22,
  xgboost: 5,
  lightgbm: 5,
};

/** What was once a fault, or is easily one: always in, as far as the quota goes. */
const wanted: readonly RegExp[] = [
  /^attention_4d_expanded$/,
  /^attention_3d_attn_mask_expanded$/,
  /^constant$/,
  /^shape_(start|end|clip)/,
  /^isnan$/,
  /^isinf$/,
  /^cumsum_1d$/,
  /^cast_(BFLOAT16|FLOAT_to_BFLOAT16|FLOAT16_to_FLOAT$)/,
  /^equal_string/,
  /^string_(concat|split)/,
  /^strnorm_model_/,
  /^optional_get_element_tensor$/,
  /^split_zero_size/,
  /^layer_normalization_2d_axis1_expanded$/,
  /^batchnorm_example_training_mode$/,
  /^ai_onnx_ml_/,
  /^(LogisticRegression|RandomForestClassifier-text|TfidfVectorizer-classifier|ColumnTransformer|BaggingClassifier)$/,
  /^classifier-three$/,
];

/** Nothing above this is worth its room. */
const maxBytes = 24_000;

/** A sample that is the same for the same candidates: what is wanted, then families of names (all that
 *  starts with the same word) in turn, spread evenly, each by its smallest member. */
export function pickSample(candidates: readonly Candidate[]): Candidate[] {
  const small = candidates.filter(({ sizeBytes }) => sizeBytes <= maxBytes);
  const others = Object.entries(quotas).flatMap(([kind, quota]) => pickKind(small, kind, quota));
  return [...pickKind(small, "node", sampleSize - others.length), ...others];
}

function pickKind(candidates: readonly Candidate[], kind: string, quota: number): Candidate[] {
  const ofKind = candidates.filter((candidate) => candidate.kind === kind);
  const first = ofKind.filter(({ name }) => wanted.some((pattern) => pattern.test(name)));
  const rest = ofKind.filter((candidate) => !first.includes(candidate));
  const families = [...Map.groupBy(rest, ({ name }) => /^[a-z]*|^.*/i.exec(name)?.[0])]
    .map(([, members]) => members.reduce((a, b) => (b.sizeBytes < a.sizeBytes ? b : a)))
    .sort(byName);
  const chosen = first.slice(0, quota);
  const room = Math.min(quota - chosen.length, families.length);
  for (let at = 0; at < room; at++) {
    const candidate = families[Math.floor((at * families.length) / room)];
    if (candidate !== undefined) chosen.push(candidate);
  }
  return chosen.sort(byName);
}

function byName(a: Candidate, b: Candidate): number {
  return a.name < b.name ? -1 : 1;
}
