// The games: what D and G each minimise, as functions of D's output l on one sample, each with its slope.
// The formulas and names of gan_helpers/losses.py. `softplus(l) = log(1 + e^l)`, finite at any l; a probability D is
// sigmoid(l), so that -log D = softplus(-l) and -log(1 - D) = softplus(l).

/** @typedef {[(l: number) => number, (l: number) => number]} Sloped a function, and its slope */
/**
 * D minimises the mean of `real` over real and of `fake` over generated samples, G the mean of `g` over generated ones.
 * In a `paired` game l is the lead over the partner: real minus generated for D, and the other way round for G.
 * @typedef {{ real: Sloped, fake: Sloped, g: Sloped, paired?: boolean }} Game
 */

/** @param {number} l */
export const softplus = (l) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
/** @param {number} l */
export const sigmoid = (l) => 1 / (1 + Math.exp(-l));

/** @type {Sloped} */
export const minusLogD = [(l) => softplus(-l), (l) => -sigmoid(-l)];
/** @type {Sloped} */
const minusLogRest = [softplus, sigmoid];
/** @type {Sloped} */
const raise = [(l) => -l, () => -1];
/** @type {(to: number) => Sloped} */
const square = (to) => [(l) => (l - to) ** 2, (l) => 2 * (l - to)];
/** @type {Sloped} */
const nothing = [() => 0, () => 0];

/** @type {Record<string, Game>} */
export const GAMES = {
  saturating: { real: minusLogD, fake: minusLogRest, g: [(l) => -softplus(l), (l) => -sigmoid(l)] },
  nonsaturating: { real: minusLogD, fake: minusLogRest, g: minusLogD },
  least_squares: { real: square(1), fake: square(0), g: square(1) },
  hinge: {
    real: [(l) => Math.max(1 - l, 0), (l) => (l < 1 ? -1 : 0)],
    fake: [(l) => Math.max(1 + l, 0), (l) => (l > -1 ? 1 : 0)],
    g: raise,
  },
  wasserstein: { real: raise, fake: [(l) => l, () => 1], g: raise },
  relativistic: { paired: true, real: minusLogD, fake: nothing, g: minusLogD },
};

/**
 * D's loss from its outputs, `n` on generated samples and then `n` on real ones; their gradient goes to `seeds`.
 * @param {Game} game
 * @param {Float64Array} l
 * @param {Float64Array} seeds
 * @param {number} n
 */
export function lossOfD({ paired, real, fake }, l, seeds, n) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const lead = paired ? l[n + i] - l[i] : l[n + i];
    sum += real[0](lead) + fake[0](l[i]);
    seeds[n + i] = real[1](lead) / n;
    seeds[i] = paired ? -seeds[n + i] : fake[1](l[i]) / n;
  }
  return sum / n;
}

/**
 * G's loss, and its gradient at the outputs on generated samples.
 * @param {Game} game
 * @param {Float64Array} l
 * @param {Float64Array} seeds
 * @param {number} n
 */
export function lossOfG({ paired, g }, l, seeds, n) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const lead = paired ? l[i] - l[n + i] : l[i];
    sum += g[0](lead);
    seeds[i] = g[1](lead) / n;
  }
  return sum / n;
}
