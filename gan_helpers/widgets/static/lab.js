// <gan-lab settings="target=ring&r1=1"> trains GANs on the page, while one looks.

import { number, percent, prepare } from "./draw.js";
import { make, wants } from "./element.js";
import { LIVE } from "./gan.js";
import { COMMON, CONTROLS, IN_VIEW, LOOK, MOST_POINTS, nameOf, packPoints, readState, SIDES, unpackPoints, usual,
  writeState } from "./lab-state.js";
import { barOf, mean, passed, Run, wordsOf } from "./lab-views.js";
import { GanPlayer } from "./player.js";
import { range } from "./targets.js";
import { paper } from "./theme.js";

/** @import { Gan } from "./gan.js" */
/** @import { State, Value } from "./lab-state.js" */
/**
 * The places of one network's pictures; a small one of many has its canvas only.
 * @typedef {{ canvas: HTMLCanvasElement, all: HTMLElement, rest?: { losses: HTMLCanvasElement, words: HTMLElement,
 *   name: HTMLElement, more: HTMLElement } }} Box
 */

const LAB_LOOKS = `
.bar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; background: var(--well); border-radius: 10px; padding: 8px; }
.bar .value { margin-left: auto; padding: 0 6px; }
.step { background: none; color: var(--ink); border: 1px solid var(--muted); min-width: 0; padding: 0 11px; font-weight: 400; }
.card .settings { margin: 12px 0; padding: 0; border: 0; grid-template-columns: repeat(auto-fill, minmax(max(130px, 22%), 1fr)); }
.card select { font-weight: 400; padding: 0 4px; } .settings .head { font-size: 13px; }
.slider:has(i:nth-of-type(12)) i { width: 3px; height: 3px; margin: -1.5px; }
summary { width: fit-content; padding: 4px 2px; cursor: pointer; }
.say { min-height: 1.4em; margin: 6px 2px; } .below > * + * { margin-top: 16px; }
.runs, .run { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: start; }
.runs > *, .run > * { flex: 1 1 280px; min-width: 0; } .plane .run > :first-child { max-width: 430px; }
.flat .run > *, .compare .run > * { flex-basis: 100%; }
.many { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px; }
.narrow.compare { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; align-items: end; }
.name { font-weight: 600; margin: 0 0 6px; }
.words { list-style: none; margin: 10px 0 0; padding: 0; font-size: 13px; color: var(--muted); }
.words b { display: block; margin-top: 6px; color: var(--ink); font-size: 14.5px; }
.draws { cursor: crosshair; touch-action: none; }
`;
/** @type {Record<"d" | "g", (set: State, gan: Gan) => string>} */
const HALVES = {
  d: (set, gan) => `D step: D sees ${set.batch} real and ${set.batch} generated samples, learns to tell them apart,` +
    ` and leaves G alone. D's loss was ${number(gan.dLoss)}.`,
  g: (_set, gan) => `G step: D stands still; every generated sample is pushed to where D calls it more real, and G's weights` +
    ` follow. G's loss was ${number(gan.gLoss)}.`,
};

/** @type {Record<string, number[]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const COUNTS = { one: 1, compare: 2, many: 16 }; // networks in each mode

class GanLab extends GanPlayer {
  /** @type {State} All settings. */ a = {};
  /** @type {State} Those that B has otherwise. */ b = {};
  side = "both"; // which column of a comparison the settings act on
  /** @type {Record<string, Value[]>} What each control offers now. */ lists = {};
  /** @type {Run[]} */ runs = [];
  /** @type {Box[]} */ boxes = [];
  shape = ""; // of what is laid out
  still = false; // whether the reader wants little motion
  leaving = new AbortController();
  // The network that steps next, the half step of slow motion, and steps that are due; times of the last frame, of the
  // next half step, of the last picture and measurement; and the network that was measured or painted last.
  turn = 0;
  phase = 0;
  due = 0;
  last = 0;
  next = 0;
  seenAt = 0;
  measuredAt = 0;
  measured = 0;
  painted = 0;
  /** @type {number[]} Points that are being drawn. */ draft = [];
  /** @type {number[] | null} */ cursor = null;
  resume = false; // whether to go on when a point is drawn
  clearer = this.act("Clear the drawing", () => this.drawPoints([]));
  main = make("div", { className: "settings" });
  rest = make("div", { className: "settings" });
  folded = make("details", {}, make("summary", { textContent: "More settings" }), this.rest);
  said = make("p", { className: "say" });
  legend = this.legendOf([]);
  count = make("p", { className: "name count" });
  grid = make("div");
  below = make("div", { className: "below" });

  connectedCallback() {
    super.connectedCallback();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.goAway() : this.comeBack()), { signal });
    addEventListener("hashchange", () => this.arrive(), { signal });
    this.arrive();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.leaving.abort();
  }

  /** What a link `#id?target=grid&r1=1` to this element asks for. */
  get linked() {
    const [id, query] = location.hash.slice(1).split("?");
    return this.hasAttribute("share") && id === this.id ? query : undefined;
  }

  get link() {
    return `#${this.id}?${writeState(this.a, this.b)}`;
  }

  arrive() {
    if (this.linked === undefined) return;
    this.scrollIntoView();
    if (!this.card || location.hash === this.link) return;
    this.pause();
    this.away = false;
    this.load(this.linked);
  }

  /** @param {string} query */
  load(query) {
    Object.assign(this, readState(query), { side: "both" });
    if (Object.keys(this.b).length) this.a.mode = "compare";
    this.fill();
    this.begin();
  }

  async start() {
    this.build();
    this.load(this.linked ?? this.getAttribute("settings") ?? "");
    this.still = wants("(prefers-reduced-motion: reduce)");
    if (this.hasAttribute("autoplay") && !this.still) this.play();
    this.ready();
  }

  // ---- the parts on the page

  build() {
    const bar = make("div", { className: "bar" }, this.button,
      this.act("D step", () => this.half("d")), this.act("G step", () => this.half("g")),
      this.act("Iteration", () => this.once()), this.act("Reset", () => this.begin()),
      this.act("New seed", () => this.put("seed", this.a.seed + 1)),
      this.act("Copy link", () => this.copy(), !this.hasAttribute("share")), this.clearer, this.clock);
    const title = this.getAttribute("heading") ?? "GAN laboratory";
    this.stand(title, LAB_LOOKS, bar, this.main, this.folded, this.said, this.legend, this.count, this.grid);
    this.arrange(this.isNarrow);
    this.labelButton();
  }

  /**
   * @param {string} text
   * @param {() => void} onclick
   * @param {boolean} hidden
   */
  act(text, onclick, hidden = false) {
    return make("button", { type: "button", className: "play step", textContent: text, onclick, hidden });
  }

  /**
   * On a phone: pictures, settings, and then the losses and numbers.
   * @param {boolean} narrow
   */
  arrange(narrow) {
    super.arrange(narrow);
    if (narrow) this.grid.after(this.main, this.said, this.folded, this.below);
    else {
      this.below.remove();
      this.legend.before(this.main, this.folded, this.said);
    }
    if (this.boxes.length) this.layOut();
  }

  /** The controls, showing what is set now; the one in use keeps the focus. */
  fill() {
    const focus = this.root.activeElement?.id;
    const named = this.getAttribute("controls")?.split(/\s+/);
    const keys = named ?? Object.keys(CONTROLS).filter((key) => CONTROLS[key].label);
    const first = (/** @type {string} */ key) => named || IN_VIEW.includes(key);
    const set = this.setOf(this.side === "b" ? 1 : 0);
    this.lists = {};
    const knob = (/** @type {string} */ key) => this.knob(key, CONTROLS[key], set[key]);
    this.main.replaceChildren(...keys.filter(first).map(knob));
    if (this.a.mode === "compare") this.main.append(this.knob("side", { label: "Settings act on", values: SIDES }, this.side));
    this.rest.replaceChildren(...keys.filter((key) => !first(key)).map(knob));
    this.folded.hidden = Boolean(named);
    if (focus) this.root.getElementById(focus)?.focus();
  }

  /**
   * @param {string} key
   * @param {{ label: string, values: Value[] }} control
   * @param {Value} value
   */
  knob(key, { label, values }, value) {
    const kind = typeof values[0] === "string" ? "select" : "range";
    const list = values.includes(value) ? values : [...values, value].sort((p, q) => +p - +q);
    this.lists[key] = list;
    const setting = { label, labels: list.map(nameOf), at: list.indexOf(value), kind };
    return this.control(`s${key}`, setting, (k) => this.put(key, list[k]));
  }

  /** @param {string} key */
  isOn(key) {
    return Boolean(this.a[key]);
  }

  /**
   * @param {string} key
   * @param {boolean} on
   */
  flip(key, on) {
    this.put(key, +on);
  }

  /**
   * One setting changes: for both columns of a comparison, or for one of them.
   * @param {string} key
   * @param {Value} value
   */
  put(key, value) {
    const { a, b } = this;
    const side = COMMON.includes(key) ? "both" : this.side;
    const change = (/** @type {string} */ name, /** @type {Value} */ v) => {
      if (side === "a") b[name] ??= a[name]; // B keeps what it has
      if (side !== "a") b[name] = v;
      if (side !== "b") a[name] = v;
    };
    if (key === "side") this.side = String(value);
    else change(key, value);
    if (key === "target") change("zDim", usual(String(value)).zDim);
    if (a.mode !== "compare") Object.assign(this, { side: "both", b: {} });
    for (const name of Object.keys(b)) if (b[name] === a[name]) delete b[name];
    if (LIVE.includes(key)) this.runs.forEach((run, i) => run.turn(this.setOf(i)));
    else if (key === "mode" || ![...LOOK, "side"].includes(key)) this.begin();
    if (["target", "mode", "side"].includes(key)) this.fill();
    if (key === "game" && a.mode !== "many") this.layOut(); // another game has other units
    this.said.textContent = this.effect(key, value);
    this.redraw();
    this.tell(true);
    if (this.hasAttribute("share")) history.replaceState(null, "", this.link);
  }

  /**
   * What a setting will do of which the picture shows nothing yet.
   * @param {string} key
   * @param {Value} value
   */
  effect(key, value) {
    const name = CONTROLS[key]?.label;
    if (!name || this.timer || ["mode", "target"].includes(key)) return "";
    const sets = this.runs.map((run) => run.set);
    /** @type {Record<string, string>} */
    const when = { speed: "it acts once you press Play", dLr: "it acts on the next D step", gLr: "it acts on the next G step" };
    let what = when[key] ?? (LIVE.includes(key) ? "it acts on the next step" : `training begins again, from seed ${this.a.seed}`);
    if (key === "clip" && sets.every(({ game }) => game !== "wasserstein")) what = "it acts in the Wasserstein game only";
    if (key === "beta1" && sets.every(({ optimizer }) => optimizer === "sgd")) what = "it acts with Adam only";
    return `${name} ${nameOf(value)}: ${what}.`;
  }

  async copy() {
    history.replaceState(null, "", this.link);
    const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    this.said.textContent = copied ? "The link is copied." : "The link is in the address bar.";
    this.tell();
  }

  // ---- the runs

  /**
   * The settings of one network.
   * @param {number} i
   */
  setOf(i) {
    if (this.a.mode === "many") return { ...this.a, seed: this.a.seed + i };
    return i ? { ...this.a, ...this.b } : this.a;
  }

  /** New networks everywhere, from the seed. */
  begin() {
    const { mode } = this.a;
    this.runs = range(COUNTS[/** @type {keyof typeof COUNTS} */ (mode)], (i) => new Run(this.setOf(i)));
    Object.assign(this, { turn: 0, phase: 0, draft: [] });
    this.said.textContent = "";
    const shape = [mode, ...this.runs.flatMap(({ set }) => [set.target, set.zDim, set.game])].join(" ");
    if (shape !== this.shape) this.layOut();
    this.shape = shape;
    for (const run of this.runs) {
      if (run.gan && mode === "many") run.gan.ruler = this.runs[0].gan?.ruler; // one target, one ruler
      run.measure();
    }
    this.update();
  }

  /** Places for the pictures and their legend; they stay when only the networks are new. */
  layOut() {
    const { mode } = this.a;
    const legend = this.legendOf(this.runs[0].legend(mode === "many"));
    this.legend.replaceWith(legend);
    this.legend = legend;
    this.boxes = this.runs.map((run, i) => {
      const picture = (/** @type {string} */ text) => make("canvas", { role: "img", "aria-label": text });
      const canvas = picture(`Real samples, ${nameOf(run.set.target)}, generated ones, and D; seed ${run.set.seed}.`);
      if (run.set.target === "drawn" && mode !== "many") this.drawOn(canvas, i);
      if (mode === "many") return { canvas, all: canvas };
      const losses = picture("Losses of D and G.");
      const [name, words] = [make("p", { className: "name" }), make("ul", { className: "words" })];
      const more = make("div", {}, this.legendOf(run.lossLegend), losses, words);
      if (this.narrow && mode === "compare") more.prepend(make("p", { className: "name", textContent: "AB"[i] }));
      const all = make("div", { className: "run" }, make("div", {}, name, canvas), ...(this.narrow ? [] : [more]));
      return { canvas, all, rest: { losses, words, name, more } };
    });
    const kind = [mode, this.runs[0].flat ? "flat" : "plane", mode === "many" ? "" : "runs", this.narrow ? "narrow" : ""];
    this.grid.className = kind.join(" ");
    this.grid.replaceChildren(...this.boxes.map((box) => box.all));
    this.below.replaceChildren(...(this.narrow ? this.boxes.flatMap(({ rest }) => rest?.more ?? []) : []));
    this.clearer.hidden = mode === "many" || this.runs.every(({ set }) => set.target !== "drawn");
  }

  // ---- time

  get over() {
    return this.runs.every(({ gan }) => !gan || gan.diverged);
  }

  play() {
    this.away = false;
    this.said.textContent = "";
    if (this.over) return;
    Object.assign(this, { due: 0, last: performance.now(), next: 0, seenAt: 0 });
    this.timer = requestAnimationFrame((now) => this.tick(now));
    this.labelButton();
  }

  pause() {
    if (!this.timer) return;
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    while (this.turn) this.advance();
    this.labelButton();
    this.update();
  }

  /** The networks take turns, so that all have trained equally long. */
  advance() {
    this.runs[this.turn].gan?.step();
    this.turn = (this.turn + 1) % this.runs.length;
  }

  /** @param {number} now */
  tick(now) {
    this.timer = requestAnimationFrame((then) => this.tick(then));
    const { speed, nD } = this.a;
    if (speed === "slow") {
      if (now < this.next) return;
      this.next = now + 2200;
      this.halfStep(this.phase++ % (nD + 1) < nD ? "d" : "g");
    } else {
      const more = ((now - this.last) / 1000) * Number.parseInt(speed, 10) * this.runs.length;
      this.due = speed === "most" ? Infinity : Math.min(60, this.due + more);
      const end = performance.now() + 10; // milliseconds of training in a frame
      for (; this.due >= 1 && performance.now() < end; this.due--) this.advance();
    }
    this.last = now;
    if (this.over) return this.pause();
    if (now - this.seenAt > (this.still ? 500 : 0)) this.update(now);
  }

  /** @param {"d" | "g"} which */
  halfStep(which) {
    for (const { gan } of this.runs) {
      if (which === "d") gan?.dStep();
      else gan?.gStep();
    }
    const { set, gan } = this.runs[0];
    if (gan) this.said.textContent = HALVES[which](set, gan);
  }

  /** @param {"d" | "g"} which */
  half(which) {
    this.pause();
    this.halfStep(which);
    this.update();
  }

  once() {
    this.pause();
    do this.advance();
    while (this.turn);
    this.said.textContent = "";
    this.update();
  }

  /** Numbers are taken of all networks when things stand still, else of one at a time. */
  update(now = 0) {
    this.seenAt = now;
    if (!this.timer) for (const run of this.runs) run.measure();
    else if (now - this.measuredAt > (this.runs.length > 2 ? 150 : 600)) {
      this.measuredAt = now;
      this.measured = (this.measured + 1) % this.runs.length;
      this.runs[this.measured].measure();
    }
    this.clock.textContent = `seed ${this.a.seed}, iteration ${number(this.runs[0].gan?.steps ?? 0)}`;
    this.redraw();
    this.tell();
  }

  // ---- what is shown

  paint() {
    const small = this.a.mode === "many";
    const look = { ...this.a, pal: this.pal, small, draft: this.draft, cursor: this.cursor };
    const shares = this.timer && !paper.now ? Math.min(this.runs.length, 4) : 1; // while training, of many pictures a share in a frame
    this.painted = (this.painted + 1) % shares;
    this.runs.forEach((run, i) => {
      const { canvas, rest } = this.boxes[i];
      const w = canvas.clientWidth;
      if (!w || i % shares !== this.painted) return;
      const h = run.flat ? (small ? 0.7 * w : Math.min(316, 160 + 0.26 * w)) : w + (small ? 0 : 14);
      run.draw(prepare(canvas, w, h, this.font), w, h, look);
      if (!rest) return;
      const { losses, words, name } = rest;
      run.drawLosses(prepare(losses, losses.clientWidth, 130, this.font), losses.clientWidth, 130, this.pal);
      const say = (/** @type {string} */ key) => `${CONTROLS[key].label} ${nameOf(run.set[key])}`;
      name.hidden = this.runs.length < 2;
      name.textContent = `${"AB"[i]}. ${Object.keys(this.b).map(say).join(", ") || "Let the settings act on B only, and change one"}`;
      const item = (/** @type {string[]} */ [head, text]) => make("li", {}, make("b", { textContent: head }), text);
      words.replaceChildren(...wordsOf(run).map(item));
    });
    this.count.textContent = small ? this.tally() : "";
  }

  tally() {
    const out = mean(this.runs.map((run) => run.out));
    const outside = out ? ` ${percent(out)} of the generated samples are outside the pictures.` : "";
    return `${this.runs.filter(passed).length} of 16 succeed: ${barOf(this.runs[0])}.${outside}`;
  }

  get quiet() {
    return this.a.speed === "slow" ? 3000 : 5000; // milliseconds between two sentences while it trains
  }

  sentence() {
    const heads = this.runs.map((run) => wordsOf(run).map(([head]) => head).join(", "));
    const found = heads.length > 2 ? this.tally() : heads.map((text, i) => (heads[1] ? `${"AB"[i]}: ${text}.` : `${text}.`)).join(" ");
    return `${this.said.textContent} ${this.timer ? "Training" : "Paused"}, ${this.clock.textContent}. ${found}`.trim();
  }

  // ---- a target of one's own, by pointer or by keys

  /** @param {number[]} points */
  drawPoints(points) {
    this.put("points", packPoints(points.slice(-2 * MOST_POINTS)));
    this.said.textContent = `${points.length / 2} points drawn.`;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} i which network it shows
   */
  drawOn(canvas, i) {
    Object.assign(canvas, { tabIndex: 0, role: "application", className: "draws" });
    canvas.setAttribute("aria-label", "Draw the real data. Arrow keys move a cursor, space drops a point, Delete clears.");
    const inside = (/** @type {number} */ v) => Math.max(-2.9, Math.min(2.9, v));
    const under = (/** @type {MouseEvent} */ event) => this.runs[i].place(event.offsetX, event.offsetY).map(inside);
    const show = (/** @type {{ draft?: number[], cursor?: number[] | null }} */ changes) => {
      Object.assign(this, changes);
      this.redraw();
    };
    const keep = (/** @type {number[]} */ points) => this.drawPoints(points);
    const drawn = () => [...unpackPoints(this.a.points), ...this.draft];
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.resume = Boolean(this.timer);
      this.pause();
      show({ draft: under(event), cursor: null });
    });
    canvas.addEventListener("pointermove", (event) => {
      const [[x, y], [x0, y0]] = [under(event), this.draft.slice(-2)];
      if (event.buttons && Math.hypot(x - x0, y - y0) > 0.1) show({ draft: [...this.draft, x, y] });
    });
    canvas.addEventListener("pointerup", () => {
      keep(drawn());
      if (this.resume) this.play();
    });
    canvas.addEventListener("keydown", (event) => {
      const way = ARROWS[event.key];
      const at = this.cursor ?? [0, 0];
      if (way) show({ cursor: at.map((v, axis) => inside(v + way[axis] * (event.shiftKey ? 0.5 : 0.1))) });
      else if (event.key === " ") keep([...drawn(), ...at]);
      else if (event.key === "Delete" || event.key === "Backspace") keep([]);
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("focus", () => show({ cursor: canvas.matches(":focus-visible") ? [0, 0] : null }));
    canvas.addEventListener("blur", () => show({ cursor: null }));
  }
}

customElements.define("gan-lab", GanLab);
