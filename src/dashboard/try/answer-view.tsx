import type { JSX } from "preact";
import { formatMs } from "../page-figures.ts";
import type { Answer, TensorOutput } from "./run-inference.ts";
import { describeTensor } from "./tensor-field.tsx";
import { elementText } from "./tensor-input.ts";

const maxShown = 64;
const maxBars = 20;

/** A model's response, with the time that it took. */
export function AnswerView({ answer }: { answer: Answer }): JSX.Element {
  return (
    <div class="answer">
      <p class="muted">
        Answered in <b data-field="took">{formatMs(answer.tookMs)}</b>
      </p>
      {answer.outputs.map((output) => (
        <OutputView key={output.name} output={output} />
      ))}
    </div>
  );
}

function OutputView({ output }: { output: TensorOutput }): JSX.Element {
  const { name, datatype, shape, elements } = output;
  const isList = elements.length > 1 && elements.length <= maxBars && /^(FP|BF)/.test(datatype);
  const texts = elements.slice(0, maxShown).map(shortText);
  return (
    <section class="output" data-output={name} aria-label={`Output ${name}`}>
      <h4>
        {name} <span class="muted">{describeTensor(datatype, shape)}</span>
      </h4>
      {isList ? (
        <Bars values={elements.map(Number)} />
      ) : (
        <p class={elements.length === 1 ? "single" : "several"} data-field="values">
          {texts.join(", ")}
          {elements.length > maxShown && ` … and ${elements.length - maxShown} more`}
        </p>
      )}
    </section>
  );
}

/** Scores of a few classes: the largest stands out. */
function Bars({ values }: { values: readonly number[] }): JSX.Element {
  const most = Math.max(...values.map(Math.abs)) || 1;
  const best = values.indexOf(Math.max(...values));
  return (
    <ol class="bars" start={0}>
      {values.map((value, index) => (
        <li key={index} class={index === best ? "best" : ""}>
          <span class="bars-index">{index}</span>
          <span class="bars-track">
            <span class="bars-fill" style={{ width: `${(Math.abs(value) / most) * 100}%` }} />
          </span>
          <span class="bars-value">{value.toPrecision(3)}</span>
        </li>
      ))}
    </ol>
  );
}

function shortText(element: TensorOutput["elements"][number]): string {
  if (typeof element === "string") return element;
  return typeof element === "number" && !Number.isInteger(element)
    ? element.toPrecision(6)
    : elementText(element);
}
