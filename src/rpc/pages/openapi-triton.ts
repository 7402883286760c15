import type { Schema } from "./openapi-tensors.ts";

// What Triton's clients ask for: statistics and configurations of models.

const text = { type: "string" };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };

function record(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", required: Object.keys(properties), properties };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

const duration = record({
  count,
  ns: { type: "integer", format: "uint64", minimum: 0, description: "Sum in nanoseconds." },
});

const tensor = (more: Readonly<Record<string, Schema>>) =>
  record({ name: text, data_type: text, dims: list({ type: "integer" }), ...more });

const computing = {
  compute_input: duration,
  compute_infer: duration,
  compute_output: duration,
};

export const tritonSchemas: Readonly<Record<string, Schema>> = {
  ModelStatistics: record({
    model_stats: list(
      record({
        name: text,
        version: text,
        last_inference: {
          type: "integer",
          description: "Milliseconds since 1970; 0 if it has never run.",
        },
        inference_count: { ...count, description: "Rows of the inferences that succeeded." },
        execution_count: { ...count, description: "Runs of the engine." },
        inference_stats: record({
          success: duration,
          fail: duration,
          queue: duration,
          ...computing,
          cache_hit: duration,
          cache_miss: duration,
        }),
        batch_stats: list(record({ batch_size: count, ...computing })),
        memory_usage: list(record({ type: text, id: { type: "integer" }, byte_size: count })),
      }),
    ),
  }),
  ModelConfig: {
    type: "object",
    required: ["name", "max_batch_size", "input", "output"],
    properties: {
      name: text,
      platform: text,
      backend: text,
      version_policy: { type: "object", additionalProperties: true },
      max_batch_size: {
        ...count,
        description: "Above 0, the first dimension of tensors counts rows, and is not among dims.",
      },
      input: list(tensor({ optional: flag })),
      output: list(tensor({ label_filename: text })),
      dynamic_batching: {
        type: "object",
        additionalProperties: true,
        description: "Absent if requests are never joined, or max_batch_size is 0.",
      },
      instance_group: list(record({ name: text, count, kind: text })),
      default_model_filename: text,
      parameters: { type: "object", additionalProperties: record({ string_value: text }) },
      model_transaction_policy: record({ decoupled: flag }),
      response_cache: record({ enable: flag }),
    },
  },
};
