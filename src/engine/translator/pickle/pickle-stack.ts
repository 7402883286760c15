import type { PythonValue } from "./python-value.ts";
import { refuse } from "./refuse.ts";

/** Stack and memo of the machine that a pickle is a program of. */
export class PickleStack {
  #values: PythonValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo: PythonValue[] = [];
  /** Values that a memo entry stands for by now. */
  readonly #replaced = new Map<PythonValue, PythonValue>();

  push(value: PythonValue): void {
    this.#values.push(value);
  }

  pop(): PythonValue {
    if (this.#values.length <= this.#floor) damaged();
    return this.#values.pop() as PythonValue;
  }

  get top(): PythonValue {
    if (this.#values.length <= this.#floor) damaged();
    return this.#values.at(-1) as PythonValue;
  }

  mark(): void {
    this.#marks.push(this.#values.length);
  }

  /** POP takes a mark away if that is what lies on top. */
  drop(): void {
    if (this.#marks.at(-1) === this.#values.length) this.#marks.pop();
    else this.pop();
  }

  /** What lies above the last mark. */
  popMark(): PythonValue[] {
    const from = this.#marks.pop();
    if (from === undefined) damaged();
    return this.#values.splice(from);
  }

  /** The last `count` values. */
  popMany(count: number): PythonValue[] {
    if (this.#values.length - this.#floor < count) damaged();
    return this.#values.splice(this.#values.length - count);
  }

  /** Puts `by` in the place of the top value, also where the memo refers to it. */
  replaceTop(by: PythonValue): void {
    this.#replaced.set(this.pop(), by);
    this.push(by);
  }

  put(at: number): void {
    // Writers number what they keep. A gap would make memory of nothing.
    if (at > this.#memo.length + 1024) damaged();
    this.#memo[at] = this.top;
  }

  memoize(): void {
    this.#memo.push(this.top);
  }

  get(at: number): void {
    const value = this.#memo[at];
    if (value === undefined) damaged();
    this.push(this.#replaced.get(value) ?? value);
  }

  /** Values below it belong to an outer list that is being made. */
  get #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }
}

function damaged(): never {
  return refuse("the pickle's opcodes do not fit together: the file is damaged");
}
