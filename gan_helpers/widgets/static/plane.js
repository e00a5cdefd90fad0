// Pictures of the plane: samples, and two parameters on their way.

import { cross, disc, percent, scale, segment, ticks, trace, write } from "./draw.js";

/** @import { Channels } from "./codec.js" */
/** @import { Colours, Context } from "./draw.js" */
/** @import { Entry } from "./player.js" */
/** @import { At, View } from "./views.js" */
/** @typedef {(v: number) => number} Scale */

/**
 * A lattice over the square from `lo` to `hi` both ways, numbered below; returns the scales to the canvas.
 * @param {Context} c
 * @param {number[]} limits
 * @param {number} x the middle, in pixels
 * @param {number} y
 * @param {number} half of its side
 * @param {Colours} pal
 * @returns {[Scale, Scale]}
 */
function lattice(c, [lo, hi], x, y, half, pal) {
  const [sx, sy] = [scale(lo, hi, x - half, x + half), scale(lo, hi, y + half, y - half)];
  for (const v of ticks(lo, hi, 4)) {
    segment(c, sx(v), sy(lo), sx(v), sy(hi), { color: pal.hair });
    segment(c, sx(lo), sy(v), sx(hi), sy(v), { color: pal.hair });
    write(c, v, sx(v), sy(lo) + 11, pal.muted);
  }
  return [sx, sy];
}

/**
 * Keeps what is drawn next inside the lattice, until `restore`.
 * @param {Context} c
 * @param {number[]} limits
 * @param {Scale} sx
 * @param {Scale} sy
 */
function keepInside(c, [lo, hi], sx, sy) {
  c.save();
  c.beginPath();
  c.rect(sx(lo), sy(hi), sx(hi) - sx(lo), sy(lo) - sy(hi));
  c.clip();
}

/** @typedef {{ limits: number[], side: number, xName: string, yName: string }} Plane with `side` arrows in a row */

/**
 * Two parameters as a point that leaves a trail, the goal at (0, 0), and arrows that say where the game pushes.
 * @param {Context} c
 * @param {number} w
 * @param {number} h
 * @param {Plane} plane
 * @param {number[][]} been where the point has been
 * @param {ArrayLike<number>} push the field at the middles of square cells, row by row from below, two numbers each
 * @param {Colours} pal
 */
export function drawTrail(c, w, h, plane, been, push, pal) {
  const { limits, xName, yName } = plane;
  const [lo, hi] = limits;
  const [sx, sy] = lattice(c, limits, w / 2 + 8, h / 2 - 12, Math.min(w / 2 - 34, h / 2 - 22), pal);
  for (const v of ticks(lo, hi, 4)) write(c, v, sx(lo) - 5, sy(v), pal.muted, "right");
  write(c, xName, sx((lo + hi) / 2), sy(lo) + 25, pal.ink);
  c.save();
  c.translate(sx(lo) - 30, sy((lo + hi) / 2));
  c.rotate(-Math.PI / 2);
  write(c, yName, 0, 0, pal.ink);
  c.restore();

  keepInside(c, limits, sx, sy);
  drawArrows(c, sx, sy, plane, push, pal);
  const [xs, ys] = [been.map((at) => sx(at[0])), been.map((at) => sy(at[1]))];
  trace(c, xs, ys, { color: pal.fake, width: 1.4, alpha: 0.55 });
  trace(c, xs.slice(-12), ys.slice(-12), { color: pal.fake, width: 2.4 });
  disc(c, sx(0), sy(0), 5, pal.real);
  c.restore();
  /** @type {(v: number, a: number, b: number) => number} */
  const edge = (v, a, b) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), v));
  const [x, y] = [xs[been.length - 1], ys[been.length - 1]];
  cross(c, edge(x, sx(lo), sx(hi)), edge(y, sy(lo), sy(hi)), 6, { color: pal.fake, width: 3 });
}

/**
 * @param {Context} c
 * @param {Scale} sx
 * @param {Scale} sy
 * @param {Plane} plane
 * @param {ArrayLike<number>} push
 * @param {Colours} pal
 */
function drawArrows(c, sx, sy, { limits, side }, push, pal) {
  const [lo, hi] = limits;
  const cell = (hi - lo) / side;
  let longest = 1e-9;
  for (let i = 0; i < push.length; i += 2) longest = Math.max(longest, Math.hypot(push[i], push[i + 1]));
  for (let k = 0; 2 * k < push.length; k++) {
    const at = [lo + (0.5 + (k % side)) * cell, lo + (0.5 + Math.floor(k / side)) * cell];
    const by = [push[2 * k], push[2 * k + 1]].map((v) => (0.9 * cell * v) / longest);
    const [x0, y0, x1, y1] = [sx(at[0]), sy(at[1]), sx(at[0] + by[0]), sy(at[1] + by[1])];
    segment(c, x0, y0, x1, y1, { color: pal.muted, alpha: 0.6 });
    disc(c, x1, y1, 1.6, pal.muted, 0.8);
  }
}

/** @typedef {{ limits: number[], real: string, fake: string }} PointsSpec */

/**
 * Real and generated points of the plane.
 * @implements {View}
 */
export class Points {
  /** @type {Entry[]} */
  legend = [
    ["o", "real"],
    ["x", "generated"],
  ];

  /**
   * @param {PointsSpec} spec
   * @param {Channels} channels
   */
  constructor(spec, channels) {
    this.limits = spec.limits;
    this.real = channels[spec.real];
    this.fake = channels[spec.fake];
  }

  /** @param {number} width */
  height(width) {
    return Math.round(Math.min(width, 380));
  }

  /**
   * How many samples one does not see.
   * @param {Pick<At, "run" | "frame">} at
   */
  readings({ run, frame }) {
    const [lo, hi] = this.limits;
    const fake = this.fake.values(run, frame);
    let out = 0;
    for (let i = 0; i < fake.length; i += 2) {
      if (!(lo <= fake[i] && fake[i] <= hi && lo <= fake[i + 1] && fake[i + 1] <= hi)) out++;
    }
    return out ? [["generated samples outside the picture", percent((2 * out) / fake.length)]] : [];
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Pick<At, "run" | "frame" | "pal">} at
   */
  draw(c, w, h, { run, frame, pal }) {
    const [sx, sy] = lattice(c, this.limits, w / 2, h / 2 - 6, Math.min(w, h) / 2 - 18, pal);
    const [real, fake] = [this.real.values(run), this.fake.values(run, frame)];
    for (let i = 0; i < real.length; i += 2) disc(c, sx(real[i]), sy(real[i + 1]), 2.6, pal.real, 0.6);
    const style = { color: pal.fake, width: 1.4, alpha: 0.85 };
    keepInside(c, this.limits, sx, sy);
    for (let i = 0; i < fake.length; i += 2) {
      if (Number.isFinite(fake[i])) cross(c, sx(fake[i]), sy(fake[i + 1]), 3, style);
    }
    c.restore();
  }
}
