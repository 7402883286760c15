import type { Page } from "playwright-core";

/** Lines through points; both coordinates go from 0 to 1, from the top left of the pad. */
export type Strokes = readonly (readonly (readonly [x: number, y: number])[])[];

/** Two rings, one above the other. */
export const eight: Strokes = [[...ring(0.5, 0.3, 0.14, 0.16), ...ring(0.5, 0.64, 0.17, 0.19)]];

/** A ring and nothing else. */
export const zero: Strokes = [ring(0.5, 0.5, 0.22, 0.34)];

/** A bar, with a short stroke at its upper left. */
export const one: Strokes = [
  [
    [0.36, 0.3],
    [0.52, 0.14],
    [0.52, 0.86],
  ],
];

/** Draws on the pad that the page shows, by the mouse, as a person does. */
export async function drawStrokes(page: Page, strokes: Strokes): Promise<void> {
  const pad = page.locator("canvas.pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (box === null) throw new Error("the pad is not in view");
  const place = ([x, y]: readonly [number, number]) =>
    [box.x + x * box.width, box.y + y * box.height] as const;
  for (const [start, ...rest] of strokes) {
    if (start === undefined) continue;
    await page.mouse.move(...place(start));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...place(point), { steps: 3 });
    await page.mouse.up();
  }
}

function ring(x: number, y: number, width: number, height: number): (readonly [number, number])[] {
  return Array.from({ length: 25 }, (_, step) => {
    const angle = (step / 24) * 2 * Math.PI;
    return [x + width * Math.sin(angle), y - height * Math.cos(angle)] as const;
  });
}
