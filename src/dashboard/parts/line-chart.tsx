import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

interface Line {
  readonly name: string;
  /** A custom property of the style sheet. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

const heightPx = 150;
/** What an empty chart spans, and a full one: seconds. */
const spanSeconds = 180;

/** Lines over time, with a key that shows the values under the pointer, else the latest ones. */
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
  const chart = useRef<uPlot>(undefined);
  const [pointed, setPointed] = useState<number | null>(null);

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const make = () => {
      chart.current?.destroy();
      chart.current = createChart(element, { lines, format, onPoint: setPointed });
    };
    make();
    // A canvas does not follow the style sheet by itself.
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", make);
    const observer = new ResizeObserver(() => {
      chart.current?.setSize({ width: element.clientWidth, height: heightPx });
    });
    observer.observe(element);
    return () => {
      scheme.removeEventListener("change", make);
      observer.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
    // The lines keep their names and colours; their values are set below.
  }, []);

  useEffect(() => {
    const data = [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
    chart.current?.setData(data);
  }, [times, lines]);

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

function createChart(
  element: HTMLElement,
  parts: {
    readonly lines: readonly Line[];
    readonly format: (value: number) => string;
    readonly onPoint: (index: number | null) => void;
  },
): uPlot {
  const { lines, format, onPoint } = parts;
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: color("--muted"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return new uPlot(
    {
      width: element.clientWidth,
      height: heightPx,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: {
          time: true,
          range: (_chart, _min, max) => {
            const end = max ?? Date.now() / 1000;
            return [end - spanSeconds, end];
          },
        },
        y: { range: (_chart, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, values: (_chart, ticks) => ticks.map(clockTime), space: 70, size: 24 },
        {
          ...axis,
          values: (_chart, ticks) => ticks.map((tick) => (tick === 0 ? "0" : format(tick))),
          size: 56,
          space: 32,
        },
      ],
      series: [
        {},
        ...lines.map(({ name, color: property }) => ({
          label: name,
          stroke: color(property),
          width: 1.5,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
    },
    [[], ...lines.map(() => [])] as unknown as uPlot.AlignedData,
    element,
  );
}

function clockTime(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}
