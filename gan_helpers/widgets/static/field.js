// The Dirac-GAN: where two players want to go, and the path of their steps from where you click.

import { drawTrail } from "./plane.js";

/** @import { Colours, Context } from "./draw.js" */
/** @import { Kind, Values } from "./figure.js" */

const [LIMIT, SIDE, STEPS] = [2.2, 11, 300];
const PLANE = { limits: [-LIMIT, LIMIT], side: SIDE, xName: "θ: what G makes", yName: "ψ: slope of D" };

/** @implements {Kind} */
export class Field {
  knobs = {
    game: { label: "Loss of G", at: 0, words: ["log(1 - D)", "-log D", "Wasserstein"] },
    order: { label: "They step", at: 0, words: ["both at once", "D, then G", "extragradient"] },
    gamma: { label: "R1 penalty γ", at: 0, min: 0, max: 6, step: 0.1 },
    h: { label: "Step size h", at: 0.2, min: 0.02, max: 1, step: 0.02 },
    theta: { label: "Start: θ", at: 1, min: -2, max: 2, step: 0.1 },
    psi: { label: "Start: ψ", at: 1, min: -2, max: 2, step: 0.1 },
  };
  legend = [["x", `after ${STEPS} steps`], ["trail", "the path; click to start it elsewhere"], ["o", "the solution"],
    ["field", "where the game pushes"]];

  /** @param {number} width */
  height(width) {
    return Math.round(Math.min(width, 420));
  }

  /**
   * The field at a point.
   * @param {Values} values
   * @param {number} theta
   * @param {number} psi
   */
  push({ game, gamma }, theta, psi) {
    const s = 1 / (1 + Math.exp(-theta * psi));
    const [g, d] = [[psi * s, -theta * s], [psi * (1 - s), -theta * s], [psi, -theta]][game];
    return [g, d - gamma * psi];
  }

  /**
   * Where the players are, step by step; they stay where they left the numbers of a computer.
   * @param {Values} values
   */
  path(values) {
    const { order, h } = values;
    let at = [values.theta, values.psi];
    const been = [at];
    for (let i = 0; i < STEPS; i++) {
      const [t, p] = at;
      const [g, d] = this.push(values, t, p);
      if (order === 0) at = [t + h * g, p + h * d];
      else if (order === 1) at = [t + h * this.push(values, t, p + h * d)[0], p + h * d];
      else {
        const ahead = this.push(values, t + h * g, p + h * d);
        at = [t + h * ahead[0], p + h * ahead[1]];
      }
      if (!(Math.hypot(at[0], at[1]) < 1e6)) break;
      been.push(at);
    }
    return been;
  }

  /**
   * @param {Context} c
   * @param {number} w
   * @param {number} h
   * @param {Values} values
   * @param {Colours} pal
   */
  draw(c, w, h, values, pal) {
    const been = this.path(values);
    const push = new Float32Array(2 * SIDE * SIDE);
    const cell = (2 * LIMIT) / SIDE;
    for (let k = 0; k < SIDE * SIDE; k++) {
      const [x, y] = [k % SIDE, Math.floor(k / SIDE)].map((i) => -LIMIT + (i + 0.5) * cell);
      push.set(this.push(values, x, y), 2 * k);
    }
    drawTrail(c, w, h, PLANE, been, push, pal);
  }

  /** @param {Values} values */
  readings(values) {
    const been = this.path(values);
    const far = (/** @type {number[]} */ [t, p]) => Math.hypot(t, p);
    const end = far(been[been.length - 1]);
    const lost = been.length <= STEPS;
    return [["distance to the solution at the start", far(been[0]).toFixed(2)],
      [`after ${been.length - 1} steps`, lost ? "beyond a million" : end < 0.005 ? end.toExponential(1) : end.toFixed(2)]];
  }

  /** @param {Values} values */
  sentence(values) {
    const [[, start], [when, end]] = this.readings(values);
    return `From ${values.theta} and ${values.psi}, ${start} away from the solution; ${when}: ${end}.`;
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  drag(x, y, w, h) {
    const half = Math.min(w / 2 - 34, h / 2 - 22); // as the trail places its lattice
    return { theta: ((x - w / 2 - 8) / half) * LIMIT, psi: (-(y - h / 2 + 12) / half) * LIMIT };
  }
}
