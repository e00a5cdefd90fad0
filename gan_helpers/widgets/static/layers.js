// The layers of a trained generator: each is a function from one Float32Array to another. An image lies there channel
// after channel and row after row, as in PyTorch. Batch norm is folded into the weights.

import { multiply } from "./product.js";

/** @import { Channel, Channels } from "./codec.js" */
/** @typedef {(x: Float32Array) => Float32Array} Layer */
/**
 * A layer, as folding.py writes it: sizes are (channels, height, width), a kernel's (height, width).
 * @typedef {{ kind: string, from: number[], to: number[], kernel: number[], stride: number[], padding: number[],
 *   slope: number }} LayerSpec
 */
/** @typedef {{ places: number, take?: Int32Array, put?: Int32Array }} Route */

/** @type {Record<string, (x: Float32Array, slope: number) => void>} */
const BENDS = {
  leaky: (x, slope) => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] *= slope;
  },
  tanh: (x) => {
    for (let i = 0; i < x.length; i++) x[i] = Math.tanh(x[i]);
  },
  sigmoid: (x) => {
    for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-x[i]));
  },
};

/**
 * Numbers for every row of a table, in one array: the last index runs fastest.
 * @param {number[]} sizes
 * @param {(...at: number[]) => number} entry
 */
function table(sizes, entry) {
  const found = new Int32Array(sizes.reduce((a, b) => a * b, 1));
  const at = sizes.map(() => 0);
  for (let i = 0; i < found.length; i++) {
    found[i] = entry(...at);
    for (let k = sizes.length - 1; k >= 0 && ++at[k] === sizes[k]; k--) at[k] = 0;
  }
  return found;
}

/**
 * A kernel stands at place p = (i, j) of the smaller of two maps. Where on the larger does its cell k = (ky, kx) lie?
 * A convolution reads there and a transposed one writes; -1 is outside.
 * @param {LayerSpec} spec
 * @param {number[]} smaller
 * @param {number[]} larger
 * @returns {(c: number, k: number, p: number) => number}
 */
function cells({ kernel, stride, padding }, [, , w], [, H, W]) {
  return (c, k, p) => {
    const y = Math.floor(p / w) * stride[0] - padding[0] + Math.floor(k / kernel[1]);
    const x = (p % w) * stride[1] - padding[1] + (k % kernel[1]);
    return y >= 0 && y < H && x >= 0 && x < W ? (c * H + y) * W + x : -1;
  };
}

/**
 * What goes into the matrix product, and where its results are added up: indices, or nothing for "as it lies there".
 * @type {Record<string, (spec: LayerSpec) => Route>}
 */
const ROUTES = {
  linear: () => ({ places: 1 }),
  down(spec) {
    const [places, size] = [spec.to[1] * spec.to[2], spec.kernel[0] * spec.kernel[1]];
    const cell = cells(spec, spec.to, spec.from);
    return { places, take: table([places, spec.from[0], size], (p, c, k) => cell(c, k, p)) };
  },
  up(spec) {
    const [places, size] = [spec.from[1] * spec.from[2], spec.kernel[0] * spec.kernel[1]];
    const put = table([spec.to[0], size, places], cells(spec, spec.from, spec.to));
    return { places, take: table([places, spec.from[0]], (p, c) => c * places + p), put };
  },
};

/**
 * y[i] = x[take[i]]
 * @param {Float32Array} x
 * @param {Float32Array} y
 * @param {Int32Array} take
 */
function gather(x, y, take) {
  for (let i = 0; i < take.length; i++) y[i] = take[i] < 0 ? 0 : x[take[i]];
  return y;
}

/**
 * @param {LayerSpec} spec
 * @param {Channel} weight
 * @param {Channel} bias
 * @returns {Layer}
 */
function affine(spec, weight, bias) {
  const { places, take, put } = ROUTES[spec.kind](spec);
  const rows = weight.shape[1], w = weight.values(0), b = bias.values(0);
  const depth = w.length / rows;
  const taken = new Float32Array(take?.length ?? 0), made = new Float32Array(rows * places);
  const y = put ? new Float32Array(spec.to[0] * spec.to[1] * spec.to[2]) : made;
  const share = y.length / b.length; // numbers with the same bias
  return (x) => {
    multiply(made, 0, w, 0, depth, 1, take ? gather(x, taken, take) : x, 0, depth, 1, rows, places, depth, true);
    if (put) {
      y.fill(0);
      for (let i = 0; i < put.length; i++) if (put[i] >= 0) y[put[i]] += made[i];
    }
    for (let c = 0, i = 0; c < b.length; c++) for (const end = i + share; i < end; i++) y[i] += b[c];
    return y;
  };
}

/**
 * @param {LayerSpec} spec
 * @returns {Layer}
 */
function nearest({ from: [, h, w], to }) {
  const [fy, fx] = [to[1] / h, to[2] / w];
  const take = table(to, (c, i, j) => (c * h + Math.floor(i / fy)) * w + Math.floor(j / fx));
  const y = new Float32Array(take.length);
  return (x) => gather(x, y, take);
}

/**
 * z -> G(z), one at a time: every layer writes into an array of its own, again and again.
 * @param {LayerSpec[]} specs
 * @param {Channels} channels
 * @returns {Layer}
 */
export function generatorOf(specs, channels) {
  const layers = specs.map((spec, i) => {
    if (spec.kind === "nearest") return nearest(spec);
    if (!(spec.kind in BENDS)) return affine(spec, channels[`w${i}`], channels[`b${i}`]);
    return (/** @type {Float32Array} */ x) => {
      BENDS[spec.kind](x, spec.slope);
      return x;
    };
  });
  return (z) => {
    /** @type {Float32Array} */
    let x = z.slice();
    for (const layer of layers) x = layer(x);
    return x.slice();
  };
}
