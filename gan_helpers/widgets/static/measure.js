// Numbers that say how good: modes covered, the share of high-quality samples, and a distance that is unbiased.

import { range } from "./targets.js";

/** @import { Rng } from "./rng.js" */
/** @import { Floats, Target } from "./targets.js" */

/**
 * Modes with at least one sample of high quality, and the share of such samples.
 * @param {Floats} points
 * @param {number} n
 * @param {Target} target
 */
function coverage(points, n, target) {
  const seen = new Set();
  let good = 0;
  for (let i = 0; i < n; i++) {
    const at = i * target.dim;
    const part = target.part(points[at], target.dim === 1 ? 0 : points[at + 1]);
    if (part < 0) continue;
    good++;
    seen.add(part);
  }
  return { modes: target.parts ? seen.size : 0, ofModes: target.parts, quality: good / n };
}

/**
 * The mean distance from points of one cloud of the plane to points of another; within one cloud, each pair once.
 * @param {Floats} x
 * @param {Floats} y
 * @param {number} n
 */
function meanGap(x, y, n) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = x === y ? i + 1 : 0; j < n; j++) {
      const dx = x[2 * i] - y[2 * j];
      const dy = x[2 * i + 1] - y[2 * j + 1];
      sum += Math.sqrt(dx * dx + dy * dy);
    }
  }
  return sum / (x === y ? (n * (n - 1)) / 2 : n * n);
}

/**
 * Energy distance 2 E|x - y| - E|x - x'| - E|y - y'|: zero only for equal distributions. A point is not paired with
 * itself, so the mean over samples is the true value, and for a perfect sampler it scatters about 0 on both sides.
 * @param {Floats} x
 * @param {Floats} y
 * @param {number} n
 * @param {number} withinY
 */
export function energyDistance(x, y, n, withinY = meanGap(y, y, n)) {
  return 2 * meanGap(x, y, n) - meanGap(x, x, n) - withinY;
}

/**
 * Wasserstein-1 distance of a 1-D sample to a known distribution: sorted samples against quantiles at (i + 1/2) / n.
 * @param {Floats} x
 * @param {Floats} quantiles
 */
export function w1To(x, quantiles) {
  const sorted = x.slice().sort();
  let sum = 0;
  for (let i = 0; i < sorted.length; i++) sum += Math.abs(sorted[i] - quantiles[i]);
  return sum / quantiles.length;
}

/**
 * Quantiles at (i + 1/2) / n of a density, by adding it up along a fine grid.
 * @param {Target} target
 * @param {number} n
 */
export function quantilesOf(target, n) {
  const [lo, hi, cells] = [target.extent[0] - 4, target.extent[1] + 4, 20000];
  const width = (hi - lo) / cells;
  const found = new Float64Array(n);
  let below = 0;
  for (let k = 0, i = 0; k < cells && i < n; k++) {
    const mass = target.pdf(lo + (k + 0.5) * width) * width;
    for (; i < n && below + mass >= (i + 0.5) / n; i++) found[i] = lo + (k + ((i + 0.5) / n - below) / mass) * width;
    below += mass;
  }
  return found;
}

/**
 * Density of 1-D samples at x, smoothed with a normal kernel. Past 6 bandwidths a kernel is zero for the eye.
 * @param {Floats} samples
 * @param {Floats | number[]} x
 * @param {number} bandwidth
 */
export function kernelDensity(samples, x, bandwidth) {
  const level = 1 / (samples.length * bandwidth * Math.sqrt(2 * Math.PI));
  return Float32Array.from(x, (at) => {
    let sum = 0;
    for (let i = 0; i < samples.length; i++) {
      const gap = (at - samples[i]) / bandwidth;
      if (gap > -6 && gap < 6) sum += Math.exp(-0.5 * gap * gap);
    }
    return level * sum;
  });
}

// Samples for modes, quality and W1, as in the published protocol; for the energy distance, whose cost is their square,
// the first thousand of them.
export const N_COVER = 2500;
const N_CLOUD = 1000;

/** @typedef {{ modes: number, quality: number, distance: number }} Scores */

/**
 * All measures of clouds of N_COVER samples of one target. Between `floor` and `ceiling` a score has its room: at one
 * end a perfect sampler (most modes and quality, least distance), at the other one that knows only where to look, and
 * spreads its samples evenly over the picture.
 */
export class Ruler {
  /** Samples of the target to which distances are taken, in the plane. */
  real = new Float32Array();

  /**
   * @param {Target} target
   * @param {Rng} rng
   */
  constructor(target, rng) {
    this.target = target;
    const { dim, extent } = target;
    const cloud = () => {
      const out = new Float32Array(N_COVER * dim);
      for (let i = 0; i < out.length; i += dim) target.draw(rng, out, i);
      return out;
    };
    if (dim === 1) {
      const quantiles = quantilesOf(target, N_COVER);
      this.distance = (/** @type {Floats} */ x) => w1To(x, quantiles);
    } else {
      this.real = cloud();
      const { real } = this;
      const within = meanGap(real, real, N_CLOUD);
      this.distance = (/** @type {Floats} */ x) => energyDistance(x, real, N_CLOUD, within);
    }
    const tries = range(dim === 1 ? 9 : 3, () => this.score(cloud()));
    const perfect = (/** @type {"modes" | "quality" | "distance"} */ key) => tries.map((s) => Math.abs(s[key])).sort((a, b) => a - b)[tries.length >> 1];
    const blank = this.score(cloud().map(() => extent[0] + (extent[1] - extent[0]) * rng.uniform()));
    /** @type {Scores} */
    this.floor = { modes: blank.modes, quality: blank.quality, distance: perfect("distance") };
    /** @type {Scores} */
    this.ceiling = { modes: perfect("modes"), quality: perfect("quality"), distance: blank.distance };
  }

  /** @param {Floats} x */
  score(x) {
    return { ...coverage(x, N_COVER, this.target), distance: this.distance(x) };
  }
}
