import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { ColumnFields, mostColumns } from "./column-fields.tsx";
import { DrawPad } from "./draw-pad.tsx";
import { imageInputOf } from "./image-input.ts";
import {
  exampleText,
  maxTextElements,
  parseTensor,
  type TensorInput,
  type TensorSpec,
  tensorFromBytes,
  tensorText,
} from "./tensor-input.ts";

/** The state of a field: something to send, nothing because it may be omitted, or why there is nothing. */
export type FieldState =
  | { readonly tag: "left-out" }
  | { readonly tag: "ready"; readonly input: TensorInput }
  | { readonly tag: "invalid"; readonly message: string };

/** The state of an untouched field. */
export function initialState(spec: TensorSpec): FieldState {
  if (spec.isOptional) return { tag: "left-out" };
  const text = exampleText(spec);
  return text === ""
    ? { tag: "invalid", message: "enter JSON or choose a file" }
    : read(spec, text);
}

/** One input: drawn if it takes a small picture, filled in by column if these have names, otherwise typed as JSON, or read
 *  from a file. */
export function TensorField(props: {
  readonly spec: TensorSpec;
  readonly state: FieldState;
  readonly onChange: (state: FieldState) => void;
}): JSX.Element {
  const { spec, state, onChange } = props;
  const image = imageInputOf(spec);
  const [isDrawing, setDrawing] = useState(image !== undefined);
  const columns = columnsOf(spec);
  const [isByColumn, setByColumn] = useState(columns !== undefined);
  const [text, setText] = useState(initialText(spec));
  const [picture, setPicture] = useState<ImageBitmap>();
  const id = useId();

  const setInput = (input: TensorInput): void => {
    onChange({ tag: "ready", input });
    const isShort = input.elements.length <= maxTextElements;
    setText(isShort ? tensorText(input) : "");
  };
  const setElements = (values: readonly number[] | undefined): void => {
    if (values === undefined) {
      onChange(initialState(spec));
      setText(initialText(spec));
      return;
    }
    const shape = spec.shape.map((size) => (size === -1 ? 1 : size));
    setInput({ spec, shape, elements: values });
  };
  const takeFile = async (file: File): Promise<void> => {
    if (image !== undefined && file.type.startsWith("image/")) {
      setDrawing(true);
      setPicture(await createImageBitmap(file));
      return;
    }
    setDrawing(false);
    setByColumn(false);
    try {
      if (/\.(json|txt)$/i.test(file.name)) setInput(parseTensor(spec, await file.text()));
      else setInput(tensorFromBytes(spec, new Uint8Array(await file.arrayBuffer())));
    } catch (error) {
      onChange({ tag: "invalid", message: (error as Error).message });
    }
  };

  return (
    <fieldset class="tensor">
      <legend>
        <b>{spec.name}</b> <span class="muted">{describeSpec(spec)}</span>
      </legend>
      <div class="tensor-tools">
        {image !== undefined && (
          <button type="button" aria-pressed={isDrawing} onClick={() => setDrawing(!isDrawing)}>
            {isDrawing ? "Show as JSON" : "Draw"}
          </button>
        )}
        {columns !== undefined && (
          <button type="button" aria-pressed={isByColumn} onClick={() => setByColumn(!isByColumn)}>
            {isByColumn ? "Show as JSON" : "Fill in columns"}
          </button>
        )}
        <label class="file">
          <span class="muted">File</span>
          <input
            type="file"
            accept={image === undefined ? undefined : "image/*,.json,.txt,.bin"}
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file !== undefined) void takeFile(file);
            }}
          />
        </label>
      </div>
      {image !== undefined && (
        <div hidden={!isDrawing}>
          <DrawPad image={image} label={spec.name} picture={picture} onDraw={setElements} />
        </div>
      )}
      {columns !== undefined && (
        <div hidden={!isByColumn}>
          <ColumnFields
            columns={columns}
            onChange={(values) => {
              if (values === undefined) onChange({ tag: "invalid", message: "enter numbers" });
              else setElements(values);
            }}
          />
        </div>
      )}
      {!isDrawing && !isByColumn && (
        <textarea
          id={id}
          aria-label={`${spec.name} as JSON`}
          aria-invalid={state.tag === "invalid"}
          spellcheck={false}
          rows={Math.min(10, Math.max(3, text.split("\n").length))}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            onChange(read(spec, event.currentTarget.value));
          }}
        />
      )}
      <p class={state.tag === "invalid" ? "error small" : "muted small"} role="status">
        {describeState(state)}
      </p>
    </fieldset>
  );
}

/** The columns that a form has fields for. */
function columnsOf({ columns, datatype, shape }: TensorSpec): readonly string[] | undefined {
  const isForm = columns !== undefined && columns.length > 0 && columns.length <= mostColumns;
  const isMatrix = shape.length === 2 && shape[1] === columns?.length && /^FP\d/.test(datatype);
  return isForm && isMatrix ? columns : undefined;
}

/** For people: FP32 [batch, 4] has "?" for its free sizes. */
export function describeTensor(datatype: string, shape: readonly number[]): string {
  return `${datatype} [${shape.map((size) => (size === -1 ? "?" : size)).join(", ")}]`;
}

/** Like `describeTensor`, for an input or output from the metadata. */
export function describeSpec({ datatype, shape, hasAnyRank, isOptional }: TensorSpec): string {
  const described = hasAnyRank ? `${datatype} […]` : describeTensor(datatype, shape);
  return isOptional ? `${described}, optional` : described;
}

function describeState(state: FieldState): string {
  if (state.tag === "invalid") return state.message;
  if (state.tag === "left-out") return "omitted: the model uses its default";
  const { elements, shape } = state.input;
  return `${elements.length} elements, shape [${shape.join(", ")}]`;
}

function initialText(spec: TensorSpec): string {
  return spec.isOptional ? "" : exampleText(spec);
}

function read(spec: TensorSpec, text: string): FieldState {
  if (spec.isOptional && text.trim() === "") return { tag: "left-out" };
  try {
    return { tag: "ready", input: parseTensor(spec, text) };
  } catch (error) {
    return { tag: "invalid", message: (error as Error).message };
  }
}
