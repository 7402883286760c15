import type { JSX } from "preact";
import { useState } from "preact/hooks";

/** More would be no form to fill in. */
export const mostColumns = 64;

/** A table's row: one number for each column, or nothing where there is no value. */
export function ColumnFields(props: {
  readonly columns: readonly string[];
  /** Called with one number for each column, NaN where there is none; undefined if one is no number. */
  readonly onChange: (values: readonly number[] | undefined) => void;
}): JSX.Element {
  const { columns, onChange } = props;
  const [texts, setTexts] = useState<readonly string[]>(() => columns.map(() => "0"));
  const change = (at: number, text: string): void => {
    const next = texts.with(at, text);
    setTexts(next);
    const values = next.map((each) => (each.trim() === "" ? Number.NaN : Number(each)));
    const isAll = values.every(
      (value, place) => !Number.isNaN(value) || next[place]?.trim() === "",
    );
    onChange(isAll ? values : undefined);
  };
  return (
    <div class="column-fields">
      {columns.map((column, at) => (
        <label key={column}>
          <span class="muted">{column}</span>
          <input
            type="text"
            inputMode="decimal"
            placeholder="no value"
            value={texts[at]}
            onInput={(event) => change(at, event.currentTarget.value)}
          />
        </label>
      ))}
    </div>
  );
}
