import type { Datatype } from "../../src/base/tensor.ts";
import { elementsOf, type ZooElement, type ZooTensor } from "./zoo-tensor.ts";

/** Of the ONNX tests themselves. */
const relativeTolerance = 1e-3;
const absoluteTolerance = 1e-7;

export type Likeness =
  | { readonly kind: "equal" }
  /** Not to the last bit, but within the tolerance of the ONNX tests. */
  | { readonly kind: "close"; readonly detail: string }
  | { readonly kind: "different"; readonly detail: string };

export interface Comparison {
  /** Only names, datatypes and shapes: the values are random. */
  readonly random: boolean;
  /** Whether NaN and the infinities came back as themselves. */
  readonly tellsNonFinite: boolean;
}

/** How an answer stands to the expected one. A NaN is a NaN whatever its bits are. */
export function compareAnswers(
  expected: readonly ZooTensor[],
  answer: readonly ZooTensor[],
  comparison: Comparison,
): Likeness {
  const names = (tensors: readonly ZooTensor[]) => tensors.map(({ name }) => name).join(", ");
  if (names(expected) !== names(answer)) {
    return different(`outputs ${names(answer)}, expected ${names(expected)}`);
  }
  const found = expected.map((tensor, at) => {
    const other = answer[at] as ZooTensor;
    return compareTensors(tensor, other, comparison);
  });
  return (
    found.find(({ kind }) => kind === "different") ??
    found.find(({ kind }) => kind === "close") ?? { kind: "equal" }
  );
}

function compareTensors(
  expected: ZooTensor,
  answer: ZooTensor,
  { random, tellsNonFinite }: Comparison,
): Likeness {
  const { name, datatype } = expected;
  const facts = (tensor: ZooTensor) => `${tensor.datatype} [${tensor.shape}]`;
  if (facts(expected) !== facts(answer)) {
    return different(`output '${name}' is ${facts(answer)}, expected ${facts(expected)}`);
  }
  if (random || Buffer.compare(expected.data, answer.data) === 0) return { kind: "equal" };
  const wanted = elementsOf(expected);
  const received = elementsOf(answer);
  if (wanted.length !== received.length) {
    return different(`output '${name}' has ${received.length} elements of ${wanted.length}`);
  }
  const isNan = (element: ZooElement) => expected.nanCodes?.includes(Number(element)) ?? false;
  let worst: Likeness = { kind: "equal" };
  for (const [at, element] of wanted.entries()) {
    const other = received[at] as ZooElement;
    if (isNan(element) && isNan(other)) continue;
    const likeness = compareElements(datatype, [element, other], tellsNonFinite);
    const detail = `output '${name}' has ${show(other)} at ${at}, expected ${show(element)}`;
    if (likeness === "different") return different(detail);
    if (likeness === "close" && worst.kind === "equal") worst = { kind: "close", detail };
  }
  return worst;
}

function compareElements(
  datatype: Datatype,
  [expected, answer]: readonly [ZooElement, ZooElement],
  tellsNonFinite: boolean,
): Likeness["kind"] {
  if (expected instanceof Uint8Array && answer instanceof Uint8Array) {
    return Buffer.compare(expected, answer) === 0 ? "equal" : "different";
  }
  const toNumber = floats[datatype];
  if (toNumber === undefined) return expected === answer ? "equal" : "different";
  const [wanted, received] = [toNumber(Number(expected)), toNumber(Number(answer))];
  if (Object.is(wanted, received)) return "equal";
  if (!tellsNonFinite && Number.isNaN(received) && !Number.isFinite(wanted)) return "equal";
  const allowed = absoluteTolerance + relativeTolerance * Math.abs(wanted);
  return Math.abs(wanted - received) <= allowed ? "close" : "different";
}

/** What an element of a floating datatype means, of those that have a tolerance. */
const floats: Partial<Record<Datatype, (element: number) => number>> = {
  FP32: (value) => value,
  FP64: (value) => value,
  FP16: fromHalf,
  BF16: (bits) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint16(0, bits);
    return view.getFloat32(0);
  },
};

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function show(element: ZooElement): string {
  if (element instanceof Uint8Array) return JSON.stringify(Buffer.from(element).toString());
  return Object.is(element, -0) ? "-0" : String(element);
}

function different(detail: string): Likeness {
  return { kind: "different", detail };
}
