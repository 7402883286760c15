import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Line, LineCanvas } from "./line-canvas.ts";

/** Lines over time, with a legend that shows the values under the pointer, or the latest ones. */
export function LineChart(props: {
  readonly title: string;
  readonly unit: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}): JSX.Element {
  const { title, unit, times, lines, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const [canvas, setCanvas] = useState<LineCanvas>();
  const [pointed, setPointed] = useState<number | null>(null);

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let made: LineCanvas | undefined;
    let isGone = false;
    // Figures are read before curves, so the code for curves loads after the rest of the page.
    import("./line-canvas.ts").then(
      (module) => {
        if (isGone) return;
        made = new module.LineCanvas(element, { lines, format, onPoint: setPointed });
        setCanvas(made);
      },
      () => {}, // The legend still shows the figures.
    );
    return () => {
      isGone = true;
      made?.remove();
    };
    // The lines keep their names and colours; their values are set below.
  }, []);

  useEffect(() => canvas?.draw(times, lines), [canvas, times, lines]);

  const at = pointed ?? times.length - 1;
  const shown = lines.map(({ name, color, values }) => {
    const value = values[at];
    return { name, color, text: value === null || value === undefined ? "–" : format(value) };
  });
  const summary = shown.map(({ name, text }) => `${name} ${text}`).join(", ");
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> <span class="muted unit">{unit}</span>
        <ul class="chart-key">
          {shown.map(({ name, color, text }) => (
            <li key={name}>
              <i class={`swatch swatch${color.slice(1)}`} />
              {name} <b>{text}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} class="canvas" role="img" aria-label={`${title}, ${unit}: ${summary}`} />
    </figure>
  );
}
