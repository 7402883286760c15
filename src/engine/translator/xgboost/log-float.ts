// The C library's logf (glibc since 2.28, and others that took it from ARM), step by step: XGBoost starts its sums from its results,
// and one in 220 of them is not the nearest float.

/** 1/c and log(c) for a c near the middle of each sixteenth of an octave. */
const table: readonly (readonly [number, number])[] = [
  [1.398907162146528, -0.33569133332882284],
  [1.3403141896637998, -0.2929040563774074],
  [1.286432210124115, -0.2518726580937369],
  [1.2367150214269895, -0.21245868807117255],
  [1.1906977166711752, -0.17453945183745634],
  [1.1479821020556429, -0.1380057072319758],
  [1.1082251448272158, -0.10275976698545139],
  [1.0711297413057381, -0.06871392447020525],
  [1.036437278977283, -0.0357891387398228],
  [1, 0],
  [0.9492859795739057, 0.05204517742929496],
  [0.8951049428609004, 0.11081431298787942],
  [0.8476821620351103, 0.1652495223695143],
  [0.8050314851692001, 0.21687389031699977],
  [0.7664671008843108, 0.2659635028121397],
  [0.731428603316328, 0.3127556664073557],
];
const [cubic, square, linear] = [-0.25089342214237154, 0.333456765744066, -0.4999997485802103];
/** Bits of the float that octaves are counted from. */
const offset = 0x3f330000;
const smallestNormal = 2 ** -126;

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The natural logarithm of a float, as a float. */
export function logFloat(x: number): number {
  float[0] = x;
  const value = float[0];
  if (value === 1) return 0;
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) return Math.log(value);
  const isSubnormal = value < smallestNormal;
  if (isSubnormal) float[0] = value * 2 ** 23;
  const stored = bits[0] as number;
  const distance = (stored - offset) | 0;
  const octave = (distance >> 23) - (isSubnormal ? 23 : 0);
  const [inverse, logarithm] = table[(distance >> 19) & 15] as readonly [number, number];
  bits[0] = stored - ((distance >> 23) << 23);
  const r = (float[0] as number) * inverse - 1;
  const start = logarithm + octave * Math.LN2;
  return Math.fround((cubic * (r * r) + (square * r + linear)) * (r * r) + (start + r));
}
