// What the generator is asked to imitate: the densities of gan_helpers/data/, and points that the reader draws.

import SHARED from "../../shared.json" with { type: "json" }; // what figures and elements share

/** @import { Rng } from "./rng.js" */
/** @typedef {Float32Array | Float64Array} Floats */
/** @typedef {Bumps | Path | Pieces} Target */

/** What targets have in common. */
class Region {
  /**
   * @param {number} dim
   * @param {number[]} extent where to look: from, to
   * @param {number} parts how many modes or pieces there are; 0 where that means nothing
   */
  constructor(dim, extent, parts) {
    this.dim = dim;
    this.extent = extent;
    this.parts = parts;
  }

  /**
   * The density, which only the 1-D ones have.
   * @param {number} _x
   * @returns {number}
   */
  pdf(_x) {
    throw new RangeError(`a target of ${this.dim} dimensions has no density here`);
  }
}

/** Normal bumps of one width. A sample within 3 sd of the nearest centre belongs to its mode (Lin et al., PacGAN, 2018). */
class Bumps extends Region {
  /**
   * @param {number[][]} centers
   * @param {number} sd
   * @param {number[]} extent
   * @param {number} parts
   */
  constructor(centers, sd, extent, parts = centers.length) {
    super(centers[0].length, extent, parts);
    this.centers = centers;
    this.sd = sd;
  }

  /**
   * Puts one sample at out[i].
   * @param {Rng} rng
   * @param {Floats} out
   * @param {number} i
   */
  draw(rng, out, i) {
    const center = this.centers[rng.below(this.centers.length)];
    for (let k = 0; k < this.dim; k++) out[i + k] = center[k] + this.sd * rng.normal();
  }

  /**
   * Which mode or piece a point belongs to, -1 for none.
   * @param {number} x
   * @param {number} y
   */
  part(x, y = 0) {
    let nearest = -1;
    let least = (3 * this.sd) ** 2;
    this.centers.forEach(([cx, cy = 0], k) => {
      const gap = (x - cx) ** 2 + (y - cy) ** 2;
      if (gap <= least) [nearest, least] = [k, gap];
    });
    return nearest;
  }

  /**
   * @override
   * @param {number} x
   */
  pdf(x) {
    const bump = (/** @type {number[]} */ [center]) => Math.exp(-0.5 * ((x - center) / this.sd) ** 2);
    return this.centers.reduce((sum, c) => sum + bump(c), 0) / (this.centers.length * this.sd * Math.sqrt(2 * Math.PI));
  }
}

/** Points uniform along a path of straight pieces, blurred by normal noise. */
class Path extends Region {
  /**
   * @param {number[][]} corners
   * @param {number} sd
   * @param {number[]} extent
   */
  constructor(corners, sd, extent) {
    super(2, extent, 0);
    this.corners = corners;
    this.sd = sd;
    this.length = 0;
    this.ends = corners.slice(1).map(([x, y], k) => (this.length += Math.hypot(x - corners[k][0], y - corners[k][1])));
  }

  /**
   * @param {Rng} rng
   * @param {Floats} out
   * @param {number} i
   */
  draw(rng, out, i) {
    const at = this.length * rng.uniform();
    const k = this.ends.findIndex((end) => at < end);
    const before = k ? this.ends[k - 1] : 0;
    const share = (at - before) / (this.ends[k] - before);
    for (const c of [0, 1]) {
      const [from, to] = [this.corners[k][c], this.corners[k + 1][c]];
      out[i + c] = from + share * (to - from) + this.sd * rng.normal();
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  part(x, y) {
    const near = this.corners.slice(1).some(([bx, by], k) => {
      const [ax, ay] = this.corners[k];
      const along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
      const share = Math.min(1, Math.max(0, along));
      return Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y) <= 3 * this.sd;
    });
    return near ? 0 : -1;
  }
}

/** Two flat pieces, 1 wide and 2 high, with a gap of 2 between them. */
class Pieces extends Region {
  /** @param {number[]} extent */
  constructor(extent) {
    super(2, extent, 2);
  }

  /**
   * @param {Rng} rng
   * @param {Floats} out
   * @param {number} i
   */
  draw(rng, out, i) {
    const side = rng.below(2) ? 1 : -1;
    out[i] = side * (1 + rng.uniform());
    out[i + 1] = 2 * rng.uniform() - 1;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  part(x, y) {
    const inside = Math.abs(x) >= 1 && Math.abs(x) <= 2 && Math.abs(y) <= 1;
    return inside ? +(x > 0) : -1;
  }
}

/**
 * @template T
 * @param {number} n
 * @param {(i: number) => T} f
 */
export const range = (n, f) => Array.from({ length: n }, (_, i) => f(i));
/** @type {(radius: number, angle: number) => number[]} */
const polar = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];

const EXTENT = SHARED.extents;

/**
 * Each makes its target; `drawn` is given the points as one flat array, x0, y0, x1, y1, ...
 * @type {Record<string, (points: number[]) => Target>}
 */
export const TARGETS = {
  gaussian: () => new Bumps([[4]], 1.25, EXTENT.gaussian),
  mixture: () => new Bumps([[-2], [2]], 0.5, EXTENT.mixture),
  ring: () => new Bumps(range(8, (k) => polar(2, (Math.PI * k) / 4)), 0.02, EXTENT.ring),
  grid: () => new Bumps(range(25, (k) => [2 * Math.floor(k / 5) - 4, 2 * (k % 5) - 4]), 0.05, EXTENT.grid),
  line: () => new Path([[-1.5, -1], [1.5, 1]], 0.05, EXTENT.line),
  two_pieces: () => new Pieces(EXTENT.two_pieces),
  spiral: () => new Path(range(65, (k) => polar(0.3 + (1.7 * k) / 64, (3 * Math.PI * k) / 64)), 0.05, EXTENT.spiral),
  drawn: (points) => new Bumps(range(points.length >> 1, (k) => [points[2 * k], points[2 * k + 1]]), 0.05, EXTENT.drawn, 0),
};
