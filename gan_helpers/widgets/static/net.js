// Multi-layer perceptrons with a backward pass written out, the gradient of a gradient penalty, SGD and Adam.
//
// All matrices are stored row by row in double precision, a sample a row, and a layer's weight is (out, in): PyTorch's
// order. Every pass is made of one routine, the product of two matrices. Nothing is allocated in a training step.

import { multiply } from "./product.js";

/** @import { Rng } from "./rng.js" */

/**
 * h[0] holds the input, h[l] what layer l puts out: h[l] = s(a[l]) with a[l] = h[l-1] W[l]' + b[l], the last without s.
 * d[l] holds the gradient of a loss, first with respect to h[l], then to a[l]; u and v are those of `penalty`.
 */
export class Net {
  /** @type {Float64Array[]} */ h = [];
  /** @type {Float64Array[]} */ d = [];
  /** @type {Float64Array[]} */ u = [];
  /** @type {Float64Array[]} */ v = [];

  /**
   * @param {number[]} widths of the input and of every layer
   * @param {string} activation
   */
  constructor(widths, activation) {
    this.widths = widths.map((width) => width | 0); // see `Gan.n`
    this.rows = 0;
    this.tanh = activation === "tanh";
    const size = this.widths.reduce((sum, out, l) => sum + (l ? out * (this.widths[l - 1] + 1) : 0), 0);
    this.weights = new Float64Array(size);
    this.grad = new Float64Array(size);
    let at = 0;
    const cut = (/** @type {number} */ n) => {
      at += n;
      return [this.weights, this.grad].map((all) => all.subarray(at - n, at));
    };
    this.layers = this.widths.slice(1).map((out, l) => {
      const inn = this.widths[l];
      const [w, dw] = cut(out * inn);
      const [b, db] = cut(out);
      return { inn, out, w, b, dw, db };
    });
  }

  /**
   * nn.Linear's own start: weights and biases uniform within 1 / sqrt(inputs).
   * @param {Rng} rng
   */
  start(rng) {
    for (const { inn, w, b } of this.layers) {
      for (const values of [w, b]) {
        for (let i = 0; i < values.length; i++) values[i] = (2 * rng.uniform() - 1) / Math.sqrt(inn);
      }
    }
  }

  /**
   * Room for that many samples.
   * @param {number} rows
   */
  reserve(rows) {
    this.rows = rows;
    const room = () => this.widths.map((width) => new Float64Array(rows * width));
    [this.h, this.d, this.u, this.v] = [room(), room(), room(), room()];
    this.v[this.layers.length].fill(1);
  }

  /** @param {number} rows */
  forward(rows) {
    this.layers.forEach(({ inn, out, w, b }, l) => {
      const y = this.h[l + 1];
      multiply(y, 0, this.h[l], 0, inn, 1, w, 0, inn, 1, rows, out, inn, true);
      const end = rows * out;
      const last = l === this.layers.length - 1;
      for (let i = 0; i < end; ) {
        for (let c = 0; c < out; c++, i++) {
          const a = y[i] + b[c];
          y[i] = last ? a : this.tanh ? 1 - 2 / (Math.exp(2 * a) + 1) : a > 0 ? a : 0.2 * a;
        }
      }
    });
    return this.h[this.layers.length];
  }

  /**
   * target[i] = source[i] s'(a[i]) for i from `at`. The activation's own value tells its slope: 1 - h² for tanh.
   * @param {Float64Array} target
   * @param {Float64Array} source
   * @param {Float64Array} h
   * @param {number} at
   * @param {number} end
   */
  slope(target, source, h, at, end) {
    if (this.tanh) for (let i = at; i < end; i++) target[i] = source[i] * (1 - h[i] * h[i]);
    else for (let i = at; i < end; i++) target[i] = h[i] > 0 ? source[i] : 0.2 * source[i];
  }

  /**
   * From d at the top to the gradient of the weights, added to `grad`; with `toInput` to that of the input, d[0].
   * The chain rule, layer by layer: dW = d' h, db = sum of d, and below it d W times the slope.
   * Rows bentFrom to bentTo receive what `penalty` has left in u.
   * @param {number} rows
   * @param {boolean} toInput
   * @param {number} bentFrom
   * @param {number} bentTo
   */
  backward(rows, toInput, bentFrom = 0, bentTo = 0) {
    for (let l = this.layers.length; l > 0; l--) {
      const { inn, out, w, dw, db } = this.layers[l - 1];
      const [above, below, h] = [this.d[l], this.d[l - 1], this.h[l - 1]];
      if (!toInput) {
        multiply(dw, 0, above, 0, 1, out, h, 0, 1, inn, out, inn, rows, false);
        for (let i = 0; i < rows * out; ) for (let c = 0; c < out; c++, i++) db[c] += above[i];
        if (l === 1) break;
      }
      multiply(below, 0, above, 0, out, 1, w, 0, 1, inn, rows, inn, out, true);
      if (l > 1) this.slope(below, below, h, 0, rows * inn);
      if (this.tanh) for (let i = bentFrom * inn; i < bentTo * inn; i++) below[i] += this.u[l - 1][i];
    }
  }

  /**
   * The gradient of factor/2 |dD/dx|², summed over rows `from` to `to`, with respect to the weights. After `forward`
   * (it reads the slopes in h) and before `backward` (which it leaves a part of the work).
   *
   * Down: what backward does with 1 at the top, kept apart: v[l] = dD/da[l], u[l-1] = dD/dh[l-1] = v[l] W[l] and
   * v[l] = u[l] s'(a[l]), so that u[0] is dD/dx. This is a second network, with the same weights, run backwards.
   * Up: backpropagation through that network. The gradient at u[0] is factor u[0]; call it t[0]. Then, from below,
   *   dW[l] += v[l]' t[l-1],   gradient at v[l]: g = t[l-1] W[l]',   t[l] = g s'(a[l]),
   * and, because v[l] depends on a[l] through the slope too, g u[l] s''(a[l]) at a[l]: left in u[l] for `backward` to
   * carry down the ordinary way. Leaky ReLU has s'' = 0. For tanh, s'' = -2 h (1 - h²).
   * @param {number} from
   * @param {number} to
   * @param {number} factor
   */
  penalty(from, to, factor) {
    const { d, h, u, v } = this;
    const top = this.layers.length;
    for (let l = top; l > 0; l--) {
      const { inn, out, w } = this.layers[l - 1];
      multiply(u[l - 1], from * inn, v[l], from * out, out, 1, w, 0, 1, inn, to - from, inn, out, true);
      if (l > 1) this.slope(v[l - 1], u[l - 1], h[l - 1], from * inn, to * inn);
    }
    // t takes the room of d: backward writes that afresh.
    const t = d;
    for (let i = from * this.widths[0]; i < to * this.widths[0]; i++) t[0][i] = factor * u[0][i];
    for (let l = 1; l <= top; l++) {
      const { inn, out, w, dw } = this.layers[l - 1];
      multiply(dw, 0, v[l], from * out, 1, out, t[l - 1], from * inn, 1, inn, out, inn, to - from, false);
      if (l === top) break;
      multiply(t[l], from * out, t[l - 1], from * inn, inn, 1, w, 0, inn, 1, to - from, out, inn, true);
      if (this.tanh) {
        for (let i = from * out; i < to * out; i++) u[l][i] *= t[l][i] * -2 * h[l][i] * (1 - h[l][i] * h[l][i]);
      }
      this.slope(t[l], t[l], h[l], from * out, to * out);
    }
  }
}

/**
 * Plain gradient descent, or Adam (Kingma and Ba, 2015, Algorithm 1) as torch.optim.Adam computes it: a running mean m
 * of the gradient and v of its square, both divided by what they lack because they began at zero.
 */
export class Optimizer {
  /**
   * @param {string} kind
   * @param {number} size how many weights there are
   */
  constructor(kind, size) {
    this.adam = kind === "adam";
    this.m = new Float64Array(size);
    this.v = new Float64Array(size);
    this.steps = 0;
  }

  /**
   * One step. Says whether every weight stayed within 1e10, past which the next products overflow; a weight that would
   * leave stays where it is, so that a run that diverged can still be looked at.
   * @param {Float64Array} weights
   * @param {Float64Array} grad
   * @param {number} lr
   * @param {number} beta1
   */
  update(weights, grad, lr, beta1) {
    const { adam, m, v } = this;
    const beta2 = 0.999;
    this.steps++;
    const rate = adam ? lr / (1 - beta1 ** this.steps) : lr;
    const lack = Math.sqrt(1 - beta2 ** this.steps);
    let sound = true;
    for (let i = 0; i < weights.length; i++) {
      let move = grad[i];
      if (adam) {
        m[i] += (1 - beta1) * (move - m[i]);
        v[i] += (1 - beta2) * (move * move - v[i]);
        move = m[i] / (Math.sqrt(v[i]) / lack + 1e-8);
      }
      const next = weights[i] - rate * move;
      if (Math.abs(next) <= 1e10) weights[i] = next;
      else sound = false;
    }
    return sound;
  }
}
