// Small drawing tools that every view shares: canvas, axes, marks.

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {{ color: string, width?: number, dash?: number[], alpha?: number, cap?: CanvasLineCap }} Stroke */
/**
 * The colours of a theme that canvases use.
 * @typedef {{ real: string, fake: string, ink: string, muted: string, hair: string, paper: string }} Colours
 */

export const NS = "http://www.w3.org/2000/svg";
/**
 * One picture per mark, 28 x 12, for legends; classes take their colours from the theme.
 * @type {Record<string, string>}
 */
export const MARKS = {
  real: '<path class="fr" d="M1 11Q8 11 11 5T17 5T27 11Z"/><path class="sr" d="M1 11Q8 11 11 5T17 5T27 11"/>',
  fake: '<path class="sf" stroke-dasharray="6 3.5" d="M1 6H27"/>',
  ink: '<path class="si" stroke-width="2.6" d="M1 6H27"/>',
  best: '<path class="si" stroke-dasharray=".1 4.2" stroke-linecap="round" stroke-width="2.4" d="M2 6H27"/>',
  arrow: '<path class="sf" stroke-width="1.4" d="M14 12V2M10.5 5.5L14 1.5L17.5 5.5"/>',
  trail: '<path class="sf" d="M1 10C8 2 18 12 27 3"/>',
  field: '<path class="sm" stroke-width="1.2" d="M5 6H21"/><circle class="dm" cx="21" cy="6" r="1.8"/>',
  o: '<circle class="dr" cx="14" cy="6" r="4"/>',
  x: '<path class="sf" d="M10 2L18 10M18 2L10 10"/>',
};

/** @param {string} name */
export function legendMark(name) {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 28 12");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = MARKS[name]; // only ever one of the constants above
  return svg;
}

/**
 * A canvas of this many css pixels, sharp on any screen, cleared; returns its context.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {string} font
 */
export function prepare(canvas, width, height, font) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  canvas.style.height = `${height}px`;
  const c = context(canvas);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = font;
  c.lineJoin = "round";
  return c;
}

/**
 * A canvas's context, which browsers refuse only to a canvas that has another one.
 * @param {HTMLCanvasElement} canvas
 */
export const context = (canvas) => /** @type {Context} */ (canvas.getContext("2d"));

/** @type {(lo: number, hi: number, from: number, to: number) => (v: number) => number} */
export const scale = (lo, hi, from, to) => (v) => from + ((v - lo) / (hi - lo || 1)) * (to - from);

/**
 * Round numbers from lo to hi, about `count` of them.
 * @param {number} lo
 * @param {number} hi
 * @param {number} count
 */
export function ticks(lo, hi, count) {
  const raw = (hi - lo) / count;
  if (!(raw > 0)) return [lo];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((m) => m * power >= raw * 0.999) ?? 10);
  const found = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + 1e-9 * step; i++) found.push(+(i * step).toPrecision(6));
  return found;
}

/** @param {number | null} v */
export function number(v) {
  if (v === null || !Number.isFinite(v)) return "none";
  const size = Math.abs(v);
  if (Number.isInteger(v)) return v.toLocaleString("en");
  return size < 0.001 || size >= 1e6 ? v.toExponential(1) : v.toFixed(size < 10 ? 3 : 1);
}

/**
 * No share but 0 rounds to "0 %", none but 1 to "100 %".
 * @param {number} share
 */
export function percent(share) {
  const near = Math.min(share, 1 - share);
  return `${(100 * share).toFixed(near > 0 && near < 0.015 ? 1 : 0)} %`;
}

/**
 * A line through finite points only: a gap in the values is a gap in the line.
 * @param {Context} c
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} ys
 * @param {Stroke} style
 */
export function trace(c, xs, ys, style) {
  let pen = false;
  c.beginPath();
  for (let i = 0; i < xs.length; i++) {
    if (Number.isFinite(ys[i])) pen ? c.lineTo(xs[i], ys[i]) : c.moveTo(xs[i], ys[i]);
    pen = Number.isFinite(ys[i]);
  }
  stroke(c, style);
}

/**
 * @param {Context} c
 * @param {Stroke} style
 */
export function stroke(c, { color, width = 1, dash = [], alpha = 1, cap = "butt" }) {
  Object.assign(c, { strokeStyle: color, lineWidth: width, globalAlpha: alpha, lineCap: cap });
  c.setLineDash(dash);
  c.stroke();
  c.setLineDash([]);
  c.globalAlpha = 1;
}

/**
 * @param {Context} c
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 * @param {Stroke} style
 */
export function segment(c, x0, y0, x1, y1, style) {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  stroke(c, style);
}

/**
 * @param {Context} c
 * @param {string} color
 * @param {number} alpha
 */
export function fill(c, color, alpha = 1) {
  Object.assign(c, { fillStyle: color, globalAlpha: alpha });
  c.fill();
  c.globalAlpha = 1;
}

/**
 * @param {Context} c
 * @param {string | number} text
 * @param {number} x
 * @param {number} y
 * @param {string} color
 * @param {CanvasTextAlign} align
 */
export function write(c, text, x, y, color, align = "center") {
  Object.assign(c, { fillStyle: color, textAlign: align, textBaseline: "middle" });
  c.fillText(String(text), x, y);
}

/**
 * Where to write labels that would overprint: as near to their own heights as a gap allows, between top and bottom.
 * @param {number[]} heights
 * @param {number} gap
 * @param {number} top
 * @param {number} bottom
 */
export function spread(heights, gap, top, bottom) {
  const order = heights.map((_, i) => i).sort((i, k) => heights[i] - heights[k]);
  const at = heights.slice();
  order.forEach((i, k) => (at[i] = Math.max(heights[i], k ? at[order[k - 1]] + gap : top)));
  order.reverse().forEach((i, k) => (at[i] = Math.min(at[i], k ? at[order[k - 1]] - gap : bottom)));
  return at;
}

/**
 * @param {Context} c
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {string} color
 * @param {number} alpha
 */
export function disc(c, x, y, r, color, alpha = 1) {
  c.beginPath();
  c.arc(x, y, r, 0, 2 * Math.PI);
  fill(c, color, alpha);
}

/**
 * @param {Context} c
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {Stroke} style
 */
export function cross(c, x, y, r, style) {
  c.beginPath();
  c.moveTo(x - r, y - r);
  c.lineTo(x + r, y + r);
  c.moveTo(x + r, y - r);
  c.lineTo(x - r, y + r);
  stroke(c, style);
}
