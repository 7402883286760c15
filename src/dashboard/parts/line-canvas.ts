import uPlot from "uplot";

export interface Line {
  readonly name: string;
  /** A custom property of the style sheet. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface Look {
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Called with the index of the values under the pointer, or null if it is elsewhere. */
  readonly onPoint: (index: number | null) => void;
}

const heightPx = 150;
/** The time spans of an empty chart and of a full one, in seconds. */
const spanSeconds = 180;
/** The width of a time of day, beside its tick. */
const halfLabelPx = 24;

/** The curves of a chart, as wide as their element and in the page's colours. */
export class LineCanvas {
  readonly #element: HTMLElement;
  readonly #look: Look;
  // A canvas does not follow the style sheet by itself.
  readonly #scheme = matchMedia("(prefers-color-scheme: dark)");
  readonly #observer: ResizeObserver;
  #chart: uPlot;

  constructor(element: HTMLElement, look: Look) {
    this.#element = element;
    this.#look = look;
    this.#chart = createChart(element, look);
    this.#scheme.addEventListener("change", this.#makeAnew);
    this.#observer = new ResizeObserver(() => {
      this.#chart.setSize({ width: element.clientWidth, height: heightPx });
    });
    this.#observer.observe(element);
  }

  /** `times`: seconds since 1970, ascending. `lines`: the same lines as at the start, with other values. */
  draw(times: readonly number[], lines: readonly Line[]): void {
    const data = [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
    this.#chart.setData(data);
  }

  remove(): void {
    this.#scheme.removeEventListener("change", this.#makeAnew);
    this.#observer.disconnect();
    this.#chart.destroy();
  }

  readonly #makeAnew = (): void => {
    const { data } = this.#chart;
    this.#chart.destroy();
    this.#chart = createChart(this.#element, this.#look);
    this.#chart.setData(data);
  };
}

function createChart(element: HTMLElement, { lines, format, onPoint }: Look): uPlot {
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
        { ...axis, values: clockTimes, space: 70, size: 24 },
        {
          ...axis,
          values: (_chart, ticks) =>
            ticks.map((tick) => (tick === 0 ? "0" : withoutZeros(format(tick)))),
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

/** A round figure on an axis needs none of the digits of a measured one. */
function withoutZeros(figure: string): string {
  return figure.replace(/\.0+(?!\d)/, "");
}

/** Times of day, except one so close to the end that it would be cut off there. */
function clockTimes({ scales, width }: uPlot, ticks: readonly number[]): string[] {
  const end = scales["x"]?.max ?? Number.POSITIVE_INFINITY;
  const shownUntil = end - (halfLabelPx * spanSeconds) / width;
  return ticks.map((tick) =>
    tick > shownUntil ? "" : new Date(tick * 1000).toTimeString().slice(0, 8),
  );
}
