import {
  type Count,
  derived,
  haveSameSizes,
  isSame,
  isSizeLike,
  known,
  numberOf,
  over,
  times,
} from "./count.ts";
import type { RowNode } from "./node.ts";
import { type RowValue, withElements } from "./value.ts";

type Operands = readonly Count[];
/** Undefined if the result is not a count. */
type Arithmetic = (operands: Operands) => Count | undefined;

const truth = (isTrue: boolean) => known(isTrue ? 1 : 0);

/** For known numbers. A rule covers both integers and floats, and gives nothing where they differ. */
const plain: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Min: (a, b) => Math.min(a, b),
  Max: (a, b) => Math.max(a, b),
  Div: (a, b) => (b !== 0 && Number.isInteger(a / b) ? a / b : Number.NaN),
  Equal: (a, b) => a === b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  And: (a, b) => a !== 0 && b !== 0,
  Or: (a, b) => a !== 0 || b !== 0,
  Neg: (a) => -a,
  Abs: (a) => Math.abs(a),
  Floor: (a) => Math.floor(a),
  Ceil: (a) => Math.ceil(a),
  Not: (a) => a === 0,
};

/** For numbers some of which are known only by name. */
const symbolic: Readonly<Record<string, Arithmetic>> = {
  Add: ([a, b]) => a && b && sum(a, b),
  Sub: ([a, b]) => a && b && sum(a, { ...b, factor: -b.factor }),
  Mul: ([a, b]) => a && b && times(a, b),
  Div: ([a, b]) => a && b && over(a, b),
  Min: ([a, b]) => (a && b && isSame(a, b) ? a : undefined),
  Max: ([a, b]) => (a && b && isSame(a, b) ? a : undefined),
  Equal: ([a, b]) => {
    if (a === undefined || b === undefined) return undefined;
    if (isSame(a, b)) return truth(true);
    return isSizeAndNegative(a, b) || isSizeAndNegative(b, a) ? truth(false) : undefined;
  },
  Less: ([a, b]) => a && b && (isSizeAndNegative(a, b) ? truth(false) : undefined),
  Greater: ([a, b]) => a && b && (isSizeAndNegative(a, b) ? truth(true) : undefined),
  Where: ([condition, yes, no]) => {
    const isTrue = condition && numberOf(condition);
    return isTrue === undefined ? undefined : isTrue !== 0 ? yes : no;
  },
};

/** TensorProto.DataType */
const [int32, int64] = [6, 7];
/** Beyond this, 32-bit arithmetic wraps around or rounds. */
const maxKnown = 2 ** 31 - 1;

/** The result of an operator on numbers that are all known, if they are sizes, or constants that may become
 *  sizes. Undefined if they are not, or if the result is uncertain. */
export function arithmeticOf(node: RowNode): RowValue | undefined {
  const operands: Operands[] = [];
  for (let index = 0; index < node.inputCount; index++) {
    const elements = node.elements(index);
    if (elements === undefined || elements.length === 0) return undefined;
    operands.push(elements);
  }
  if (operands.length === 0) return undefined;
  const length = Math.max(...operands.map((elements) => elements.length));
  if (operands.some((elements) => elements.length !== 1 && elements.length !== length)) {
    return undefined;
  }
  const results: Count[] = [];
  for (let at = 0; at < length; at++) {
    const result = combine(
      node,
      operands.map((elements) => (elements.length === 1 ? elements[0] : elements[at]) as Count),
    );
    if (result === undefined) return undefined;
    results.push(result);
  }
  const isList = node.ranks().some((rank) => rank > 0);
  return withElements(results, isList);
}

function combine(node: RowNode, operands: Operands): Count | undefined {
  if (node.op === "Cast") return converted(node, operands);
  if (node.op === "Identity") return operands[0];
  const calculate = plain[node.op];
  if (calculate === undefined && symbolic[node.op] === undefined) return undefined;
  const numbers = operands.map(numberOf);
  if (calculate !== undefined && operands.length <= 2) {
    const [a, b = 0] = numbers;
    const areKnown = numbers.every((number) => number !== undefined);
    const result = areKnown && a !== undefined ? Number(calculate(a, b)) : Number.NaN;
    if (Number.isInteger(result) && Math.abs(result) <= maxKnown) return known(result);
  }
  const result = operands.length > 3 ? undefined : symbolic[node.op]?.(operands);
  if (result !== undefined) return result;
  return operands.some(({ ofRows }) => ofRows) ? undefined : derived(node.op, operands);
}

/** Conversions may round. */
function converted(node: RowNode, operands: Operands): Count | undefined {
  const [operand] = operands;
  if (operand === undefined) return undefined;
  const to = node.int("to", 0);
  const isToInteger = to === int32 || to === int64;
  if (isToInteger && isSizeLike(operand)) return operand;
  const number = numberOf(operand);
  if (number !== undefined && Number.isInteger(number) && (isToInteger || to === 1 || to === 11)) {
    return operand;
  }
  return operand.ofRows ? undefined : derived(`Cast${to}`, operands);
}

function sum(a: Count, b: Count): Count | undefined {
  if (numberOf(a) === 0) return b;
  if (numberOf(b) === 0) return a;
  if (a.ofRows !== b.ofRows || !haveSameSizes(a, b)) return undefined;
  const factor = a.factor + b.factor;
  return factor === 0 ? known(0) : { ...a, factor };
}

function isSizeAndNegative(size: Count, negative: Count): boolean {
  return isSizeLike(size) && (numberOf(negative) ?? 0) < 0;
}
