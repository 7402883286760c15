import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Bitmap, type ImageInput, shrink } from "./image-input.ts";

const padSide = 256;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A pad to draw on with pointer or keyboard. After every stroke, calls `onDraw` with the picture in the
 *  model's size, row by row, or `undefined` if it is empty. A new `picture` replaces the pad's content. */
export function DrawPad(props: {
  readonly image: ImageInput;
  readonly label: string;
  readonly picture: ImageBitmap | undefined;
  readonly onDraw: (values: readonly number[] | undefined) => void;
}): JSX.Element {
  const { image, label, picture, onDraw } = props;
  const { side } = image;
  const pad = useRef<HTMLCanvasElement>(null);
  const preview = useRef<HTMLCanvasElement>(null);
  const last = useRef<Point>(undefined);
  const [fit, setFit] = useState(true);
  const [cell, setCell] = useState<Point>({ x: side >> 1, y: side >> 1 });
  const [hasFocus, setFocus] = useState(false);

  const publish = (fitted: boolean): void => {
    const bitmap = readPad(pad.current);
    if (bitmap === undefined) return;
    const isEmpty = bitmap.ink.every((ink) => ink === 0);
    const values = shrink(bitmap, image, fitted);
    showPreview(preview.current, isEmpty ? [] : values, image);
    onDraw(isEmpty ? undefined : values);
  };

  useEffect(() => {
    clear(pad.current);
    showPreview(preview.current, [], image);
  }, []);

  useEffect(() => {
    if (picture === undefined) return;
    clear(pad.current);
    pad.current?.getContext("2d")?.drawImage(picture, 0, 0, padSide, padSide);
    publish(fit);
  }, [picture]);

  const draw = (to: Point): void => {
    stroke(pad.current, last.current ?? to, to, (padSide / side) * (side >= 16 ? 2.6 : 1));
    last.current = to;
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const moves: Record<string, Point> = {
      ArrowLeft: { x: -1, y: 0 },
      ArrowRight: { x: 1, y: 0 },
      ArrowUp: { x: 0, y: -1 },
      ArrowDown: { x: 0, y: 1 },
    };
    const move = moves[event.key];
    if (move === undefined && event.key !== " ") return;
    event.preventDefault();
    const clamp = (value: number) => Math.max(0, Math.min(side - 1, value));
    const next = move ? { x: clamp(cell.x + move.x), y: clamp(cell.y + move.y) } : cell;
    if (move === undefined || event.shiftKey) {
      last.current = move === undefined ? undefined : centreOf(cell, side);
      draw(centreOf(next, side));
      last.current = undefined;
      publish(fit);
    }
    setCell(next);
  };

  return (
    <div class="draw">
      <div class="pad-frame">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes keys of its own. */}
        <canvas
          ref={pad}
          class="pad"
          width={padSide}
          height={padSide}
          tabIndex={0}
          role="application"
          aria-label={`${label}: drawing pad. Arrow keys move, space draws, shift and arrow keys draw a line.`}
          onKeyDown={onKeyDown}
          onFocus={() => setFocus(true)}
          onBlur={() => setFocus(false)}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            last.current = undefined;
            draw(pointOf(event));
          }}
          onPointerMove={(event) => {
            if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
            for (const part of event.getCoalescedEvents?.() ?? [event])
              draw(pointOf(part, event.currentTarget));
          }}
          onPointerUp={() => {
            last.current = undefined;
            publish(fit);
          }}
        />
        {hasFocus && (
          <span
            class="pad-cursor"
            style={{
              left: `${(cell.x * 100) / side}%`,
              top: `${(cell.y * 100) / side}%`,
              width: `${100 / side}%`,
              height: `${100 / side}%`,
            }}
          />
        )}
      </div>
      <div class="draw-side">
        <canvas
          ref={preview}
          class="preview"
          width={side}
          height={side}
          role="img"
          aria-label={`As the model sees it, ${side} by ${side}`}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={fit}
            onChange={(event) => {
              setFit(event.currentTarget.checked);
              publish(event.currentTarget.checked);
            }}
          />
          Fit to the frame
        </label>
        <button
          type="button"
          onClick={() => {
            clear(pad.current);
            publish(fit);
          }}
        >
          Clear
        </button>
      </div>
    </div>
  );
}

// Ink is light on dark here, and the style sheet inverts it if the page is light.
function clear(canvas: HTMLCanvasElement | null): void {
  const context = canvas?.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  context.fillStyle = "black";
  context.fillRect(0, 0, padSide, padSide);
}

function stroke(canvas: HTMLCanvasElement | null, from: Point, to: Point, width: number): void {
  const context = canvas?.getContext("2d");
  if (!context) return;
  context.strokeStyle = "white";
  context.lineWidth = width;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

function readPad(canvas: HTMLCanvasElement | null): Bitmap | undefined {
  const context = canvas?.getContext("2d");
  if (!context) return undefined;
  const { data } = context.getImageData(0, 0, padSide, padSide);
  const ink = new Uint8ClampedArray(padSide * padSide);
  for (let at = 0; at < ink.length; at++) {
    // Green stands for brightness; uploaded pictures are grey or nearly so.
    ink[at] = data[4 * at + 1] ?? 0;
  }
  return { side: padSide, ink };
}

function showPreview(
  canvas: HTMLCanvasElement | null,
  values: readonly number[],
  { side, fullInk }: ImageInput,
): void {
  const context = canvas?.getContext("2d");
  if (!context) return;
  const pixels = context.createImageData(side, side);
  for (let at = 0; at < side * side; at++) {
    const grey = ((values[at] ?? 0) / fullInk) * 255;
    pixels.data.set([grey, grey, grey, 255], 4 * at);
  }
  context.putImageData(pixels, 0, 0);
}

function pointOf(event: PointerEvent, canvas = event.currentTarget as HTMLCanvasElement): Point {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * padSide,
    y: ((event.clientY - box.top) / box.height) * padSide,
  };
}

function centreOf({ x, y }: Point, side: number): Point {
  return { x: ((x + 0.5) * padSide) / side, y: ((y + 0.5) * padSide) / side };
}
