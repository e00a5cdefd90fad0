// Small drawing tools that every view shares: theme, canvas, axes, marks.

const NS = "http://www.w3.org/2000/svg";
const MARKS = {
  // One picture per mark, 28 x 12, for legends; classes take their colours from the theme.
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

function legendMark(name) {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 28 12");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = MARKS[name]; // only ever one of the constants above
  return svg;
}

const paper = { now: false }; // whether the page is being printed, black on white

// Which theme the page shows: the book's own switch, JupyterLab, Colab, VS Code, then the system's wish.
function pageIsDark() {
  if (paper.now) return false;
  const html = document.documentElement;
  const body = document.body || html;
  const named = html.dataset.theme || html.getAttribute("theme");
  if (named === "dark" || named === "light") return named === "dark";
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (/vscode-(dark|high-contrast(?!-light))/.test(body.className)) return true;
  if (/vscode-/.test(body.className)) return false;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

const themed = new Set(); // functions to call when the theme may have changed
function watchTheme() {
  const tell = () => themed.forEach((f) => f());
  const seen = { attributes: true, attributeFilter: ["data-theme", "theme", "class", "data-jp-theme-light"] };
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, seen);
  if (document.body) observer.observe(document.body, seen);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  const print = (now) => {
    paper.now = now;
    tell();
  };
  const media = matchMedia("print");
  media.addEventListener("change", () => print(media.matches));
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
}

// A canvas of this many css pixels, sharp on any screen, cleared; returns its context.
function prepare(canvas, width, height, font) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  canvas.style.height = `${height}px`;
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = font;
  c.lineJoin = "round";
  return c;
}

// Round numbers from lo to hi, about `count` of them.
function ticks(lo, hi, count) {
  const raw = (hi - lo) / count;
  if (!(raw > 0)) return [lo];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + 1e-9 * step; i++) found.push(+(i * step).toPrecision(6));
  return found;
}

function number(v) {
  if (!Number.isFinite(v)) return "none";
  const size = Math.abs(v);
  if (Number.isInteger(v)) return v.toLocaleString("en");
  return size < 0.001 || size >= 1e6 ? v.toExponential(1) : v.toFixed(size < 10 ? 3 : 1);
}

// No share but 0 rounds to "0 %", none but 1 to "100 %".
function percent(share) {
  const near = Math.min(share, 1 - share);
  return `${(100 * share).toFixed(near > 0 && near < 0.015 ? 1 : 0)} %`;
}

// A line through finite points only: a gap in the values is a gap in the line.
function trace(c, xs, ys, style) {
  let pen = false;
  c.beginPath();
  for (let i = 0; i < xs.length; i++) {
    if (Number.isFinite(ys[i])) pen ? c.lineTo(xs[i], ys[i]) : c.moveTo(xs[i], ys[i]);
    pen = Number.isFinite(ys[i]);
  }
  stroke(c, style);
}

function stroke(c, { color, width = 1, dash = [], alpha = 1, cap = "butt" }) {
  Object.assign(c, { strokeStyle: color, lineWidth: width, globalAlpha: alpha, lineCap: cap });
  c.setLineDash(dash);
  c.stroke();
  c.setLineDash([]);
  c.globalAlpha = 1;
}

function segment(c, x0, y0, x1, y1, style) {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  stroke(c, style);
}

function fill(c, color, alpha = 1) {
  Object.assign(c, { fillStyle: color, globalAlpha: alpha });
  c.fill();
  c.globalAlpha = 1;
}

function write(c, text, x, y, color, align = "center", base = "middle") {
  Object.assign(c, { fillStyle: color, textAlign: align, textBaseline: base });
  c.fillText(text, x, y);
}

// Where to write labels that would overprint: as near to their own heights as a gap allows, between top and bottom.
function spread(heights, gap, top, bottom) {
  const order = heights.map((_, i) => i).sort((i, k) => heights[i] - heights[k]);
  const at = [];
  order.forEach((i, k) => (at[i] = Math.max(heights[i], k ? at[order[k - 1]] + gap : top)));
  order.reverse().forEach((i, k) => (at[i] = Math.min(at[i], k ? at[order[k - 1]] - gap : bottom)));
  return at;
}

function disc(c, x, y, r, color, alpha = 1) {
  c.beginPath();
  c.arc(x, y, r, 0, 2 * Math.PI);
  fill(c, color, alpha);
}

function cross(c, x, y, r, style) {
  c.beginPath();
  c.moveTo(x - r, y - r);
  c.lineTo(x + r, y + r);
  c.moveTo(x + r, y - r);
  c.lineTo(x - r, y + r);
  stroke(c, style);
}
