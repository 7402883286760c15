import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** The style sheet's value, in pixels. */
const rowHeight = 34;
/** Rows that are kept rendered above and below the visible ones. */
const spare = 8;

interface VisibleRows {
  readonly viewport: RefObject<HTMLDivElement | null>;
  readonly onScroll: () => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  /** Rows that must be in the document: from `first` to before `last`. */
  readonly first: number;
  readonly last: number;
  readonly rowHeight: number;
}

/** Which of `count` rows of equal height to render in a scrolling viewport. The arrow keys move between links
 *  in rows that carry their index as data-row, also to rows that are not rendered yet. */
export function useVisibleRows(count: number): VisibleRows {
  const viewport = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const wanted = useRef<number>(undefined);

  useEffect(() => {
    const element = viewport.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const onScroll = useCallback(() => {
    // Whole rows, so that not every pixel triggers a render.
    setTop(Math.floor((viewport.current?.scrollTop ?? 0) / rowHeight));
  }, []);

  const first = Math.max(0, Math.min(top, count) - spare);
  const last = Math.min(count, top + Math.ceil(height / rowHeight) + spare);

  useLayoutEffect(() => {
    const row = wanted.current;
    if (row === undefined) return;
    const link = viewport.current?.querySelector<HTMLElement>(`[data-row="${row}"]`);
    if (link) {
      wanted.current = undefined;
      link.focus({ preventScroll: true });
    }
  });

  const onKeyDown = (event: KeyboardEvent): void => {
    const element = viewport.current;
    const from = (event.target as HTMLElement).dataset["row"];
    if (element === null || from === undefined) return;
    const page = Math.max(1, Math.floor(element.clientHeight / rowHeight) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -count,
      End: count,
    };
    const step = steps[event.key];
    if (step === undefined || count === 0) return;
    event.preventDefault();
    const row = Math.max(0, Math.min(count - 1, Number(from) + step));
    wanted.current = row;
    showRow(element, row);
    element.querySelector<HTMLElement>(`[data-row="${row}"]`)?.focus({ preventScroll: true });
    onScroll();
  };

  return { viewport, onScroll, onKeyDown, first, last, rowHeight };
}

function showRow(element: HTMLElement, row: number): void {
  const start = row * rowHeight;
  const end = start + rowHeight;
  if (start < element.scrollTop) element.scrollTop = start;
  else if (end > element.scrollTop + element.clientHeight) {
    element.scrollTop = end - element.clientHeight;
  }
}
