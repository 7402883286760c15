import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ModelMetadataResponse } from "../../../gen/inference/inference_pb.ts";
import { inferenceClient } from "../rpc-clients.ts";
import { serverUrl } from "../server-transport.ts";
import { messageOf } from "../state/lifecycle.ts";
import { AnswerView } from "./answer-view.tsx";
import { CallTabs } from "./call-tabs.tsx";
import { type Answer, runInference } from "./run-inference.ts";
import { describeSpec, type FieldState, initialState, TensorField } from "./tensor-field.tsx";
import type { TensorSpec } from "./tensor-input.ts";

type Metadata =
  | { readonly tag: "asking" }
  | { readonly tag: "failed"; readonly message: string }
  | {
      readonly tag: "known";
      readonly inputs: readonly TensorSpec[];
      readonly outputs: readonly TensorSpec[];
    };

type Outcome =
  | { readonly tag: "none" }
  | { readonly tag: "running" }
  | { readonly tag: "failed"; readonly message: string }
  | { readonly tag: "answered"; readonly answer: Answer };

/** The inputs and outputs of a running model, and a form to run it. */
export function TryModel(props: {
  readonly id: string;
  readonly version: string;
  readonly format: string;
}): JSX.Element {
  const { id, version, format } = props;
  const [metadata, setMetadata] = useState<Metadata>({ tag: "asking" });
  useEffect(() => {
    const leaving = new AbortController();
    inferenceClient.modelMetadata({ name: id, version }, { signal: leaving.signal }).then(
      ({ inputs, outputs }) => {
        setMetadata({ tag: "known", inputs: inputs.map(toSpec), outputs: outputs.map(toSpec) });
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) setMetadata({ tag: "failed", message: messageOf(error) });
      },
    );
    return () => leaving.abort();
  }, [id, version]);
  return (
    <section class="card try" aria-labelledby="try-title">
      <h2 id="try-title">
        Try it <span class="muted">{format}</span>
      </h2>
      {metadata.tag === "asking" && <p class="muted">Loading its inputs …</p>}
      {metadata.tag === "failed" && <p class="error">{metadata.message}</p>}
      {metadata.tag === "known" && (
        <TryForm id={id} version={version} inputs={metadata.inputs} outputs={metadata.outputs} />
      )}
    </section>
  );
}

function TryForm(props: {
  readonly id: string;
  readonly version: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}): JSX.Element {
  const { id, version, inputs, outputs } = props;
  const [fields, setFields] = useState<readonly FieldState[]>(() => inputs.map(initialState));
  const [outcome, setOutcome] = useState<Outcome>({ tag: "none" });
  const ready = fields.flatMap((field) => (field.tag === "ready" ? [field.input] : []));
  const isReady = fields.every(({ tag }) => tag !== "invalid");

  const ask = async (): Promise<void> => {
    setOutcome({ tag: "running" });
    try {
      setOutcome({ tag: "answered", answer: await runInference(id, version, ready) });
    } catch (error) {
      const message = error instanceof Error ? messageOf(error) : String(error);
      setOutcome({ tag: "failed", message });
    }
  };

  return (
    <form
      class="try-form"
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
      }}
    >
      <div class="try-columns">
        <div class="stack">
          <h3>Inputs</h3>
          {inputs.map((spec, at) => (
            <TensorField
              key={spec.name}
              spec={spec}
              state={fields[at] ?? initialState(spec)}
              onChange={(state) => setFields((before) => before.with(at, state))}
            />
          ))}
          <button type="submit" class="primary" disabled={!isReady || outcome.tag === "running"}>
            Run
          </button>
        </div>
        <div class="stack">
          <h3>Outputs</h3>
          <div class="outcome" aria-live="polite">
            <OutcomeView outcome={outcome} outputs={outputs} />
          </div>
        </div>
      </div>
      {isReady && <CallTabs call={{ serverUrl, id, version, inputs: ready }} />}
    </form>
  );
}

function OutcomeView(props: {
  readonly outcome: Outcome;
  readonly outputs: readonly TensorSpec[];
}): JSX.Element {
  const { outcome, outputs } = props;
  switch (outcome.tag) {
    case "none":
      return (
        <ul class="plain-list">
          {outputs.map((spec) => (
            <li key={spec.name}>
              <b>{spec.name}</b> <span class="muted">{describeSpec(spec)}</span>
            </li>
          ))}
        </ul>
      );
    case "running":
      return <p class="muted">Running …</p>;
    case "failed":
      return <p class="error">{outcome.message}</p>;
    case "answered":
      return <AnswerView answer={outcome.answer} />;
  }
}

function toSpec(tensor: ModelMetadataResponse["inputs"][number]): TensorSpec {
  const { name, datatype, shape, parameters } = tensor;
  const isSet = (parameter: string) => parameters[parameter]?.parameterChoice.value === true;
  const columns = namesIn(parameters["features"]?.parameterChoice.value);
  return {
    ...(columns && { columns }),
    name,
    datatype,
    shape: shape.map(Number),
    hasAnyRank: isSet("unknown_rank"),
    isOptional: isSet("optional"),
  };
}

/** The list of names in JSON text; undefined if it is none. */
function namesIn(text: unknown): readonly string[] | undefined {
  try {
    const names: unknown = typeof text === "string" ? JSON.parse(text) : undefined;
    const isList = Array.isArray(names) && names.every((name) => typeof name === "string");
    return isList ? names : undefined;
  } catch {
    return undefined;
  }
}
