// A transposed convolution: every input pixel paints a kernel onto the output. Where the kernels overlap, paint adds up.

import { segment, write } from "./draw.js";

/** @import { Colours, Context } from "./draw.js" */
/** @import { Kind, Values } from "./figure.js" */

const IN = 5; // input pixels in a row

/** @implements {Kind} */
export class Kernel {
  knobs = {
    k: { label: "Kernel", at: 3, min: 1, max: 6, step: 1 },
    s: { label: "Stride", at: 2, min: 1, max: 4, step: 1 },
    p: { label: "Padding", at: 1, min: 0, max: 2, step: 1 },
  };
  legend = [["field", "where an input pixel is painted to"], ["ink", "how many are painted there"]];

  /** @param {number} width */
  height(width) {
    return Math.round(136 + Math.min(width - 20, 230));
  }

  /** @param {Values} values pixels of the output, in a row; below one there is none */
  size({ k, s, p }) {
    return s * (IN - 1) + k - 2 * p;
  }

  /**
   * How many input pixels reach each output pixel of a row.
   * @param {Values} values
   */
  counts(values) {
    const { k, s, p } = values;
    const counts = new Array(Math.max(this.size(values), 0)).fill(0);
    for (let i = 0; i < IN; i++) for (let j = 0; j < k; j++) if (s * i + j - p in counts) counts[s * i + j - p]++;
    return counts;
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Values} values
   * @param {Colours} pal
   */
  draw(c, w, h, values, pal) {
    const { k, s, p } = values;
    const counts = this.counts(values);
    const n = counts.length;
    const side = Math.min(24, (w - 20) / (4 * (IN - 1) + 6));
    const out = (/** @type {number} */ j) => w / 2 + (j - (n - 1) / 2) * side;
    const into = (/** @type {number} */ i) => out(s * i + (k - 1) / 2 - p);
    for (let i = 0; i < IN; i++) {
      for (let j = 0; j < k; j++) {
        if (s * i + j - p in counts) segment(c, into(i), 26, out(s * i + j - p), 76, { color: pal.muted, width: 1.2 });
      }
      this.box(c, into(i), 14, side - 3, pal.real, 1);
    }
    const most = Math.max(...counts, 1);
    counts.forEach((count, j) => {
      this.box(c, out(j), 88, side - 3, pal.ink, count / most);
      write(c, count, out(j), 108, pal.muted);
    });
    const cell = (h - 130) / Math.max(n, 1);
    const from = w / 2 - (n * cell) / 2;
    counts.forEach((a, i) =>
      counts.forEach((b, j) => {
        Object.assign(c, { fillStyle: pal.ink, globalAlpha: (a * b) / (most * most) });
        c.fillRect(from + j * cell, 126 + i * cell, cell + 0.5, cell + 0.5);
      }));
    c.globalAlpha = 1;
  }

  /**
   * @param {Context} c
   * @param {number} x
   * @param {number} y
   * @param {number} side
   * @param {string} color
   * @param {number} strength
   */
  box(c, x, y, side, color, strength) {
    Object.assign(c, { fillStyle: color, strokeStyle: color, globalAlpha: strength });
    c.fillRect(x - side / 2, y - side / 2, side, side);
    c.globalAlpha = 0.6;
    c.strokeRect(x - side / 2, y - side / 2, side, side);
    c.globalAlpha = 1;
  }

  /** Whether all output pixels but those at the edge get the same. @param {Values} values */
  isEven({ k, s }) {
    return k % s === 0;
  }

  /** @param {Values} values */
  readings(values) {
    const size = this.size(values);
    const even = this.isEven(values) ? "yes" : values.k < values.s ? "no: gaps" : "no: a checkerboard";
    return [["output", size > 0 ? `${values.s} · (${IN} - 1) + ${values.k} - 2 · ${values.p} = ${size} pixels` : "none: less padding"],
      ["kernel a multiple of the stride", even]];
  }

  /** @param {Values} values */
  sentence(values) {
    const [[, size], [, even]] = this.readings(values);
    return `Kernel ${values.k}, stride ${values.s}, padding ${values.p}: ${size}; kernel a multiple of the stride: ${even}.`;
  }
}
