// <gan-lab settings="target=ring&r1=1"> trains GANs on the page. It is a replay whose runs are made while one looks:
// sight, theme, sliders and what a screen reader is told are those of <gan-replay>.

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
const HALVES = {
  d: ({ set, gan }) => `D step: D sees ${set.batch} real and ${set.batch} generated samples, learns to tell them apart,` +
    ` and leaves G alone. D's loss was ${number(gan.dLoss)}.`,
  g: ({ gan }) => `G step: D stands still; every generated sample is pushed to where D calls it more real, and G's weights` +
    ` follow. G's loss was ${number(gan.gLoss)}.`,
};

class GanLab extends GanReplay {
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

  // What a link `#id?target=grid&r1=1` to this element asks for.
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

  load(query) {
    Object.assign(this, readState(query), { side: "both" });
    if (Object.keys(this.b).length) this.a.mode = "compare";
    this.fill();
    this.begin();
  }

  async start() {
    this.build();
    this.load(this.linked ?? this.getAttribute("settings") ?? "");
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.card);
    this.recolour();
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (this.hasAttribute("autoplay") && !this.still) this.play();
    this.dispatchEvent(new CustomEvent("ready"));
  }

  // ---- the parts on the page

  build() {
    const act = (text, onclick, hidden = false) =>
      make("button", { type: "button", className: "play step", textContent: text, onclick, hidden });
    this.button = make("button", { type: "button", className: "play", onclick: () => (this.timer ? this.pause() : this.play()) });
    this.clock = make("span", { className: "value" });
    this.clearer = act("Clear the drawing", () => this.drawPoints([]));
    const bar = make("div", { className: "bar" }, this.button,
      act("D step", () => this.half("d")), act("G step", () => this.half("g")), act("Iteration", () => this.once()),
      act("Reset", () => this.begin()), act("New seed", () => this.put("seed", this.a.seed + 1)),
      act("Copy link", () => this.copy(), !this.hasAttribute("share")), this.clearer, this.clock);
    const part = (tag, className) => make(tag, { className });
    for (const name of ["main", "rest"]) this[name] = part("div", "settings");
    this.folded = make("details", {}, make("summary", { textContent: "More settings" }), this.rest);
    this.said = part("p", "say");
    this.legend = this.legendOf({ legend: [] });
    this.count = part("p", "name count");
    this.grid = part("div");
    this.below = part("div", "below");
    this.told = make("p", { className: "told", role: "status", "aria-live": "polite" });
    const title = this.getAttribute("heading") ?? "GAN laboratory";
    this.card = make("div", { className: "card", role: "group", "aria-label": title },
      make("p", { className: "title", textContent: title }), bar, this.main, this.folded, this.said, this.legend,
      this.count, this.grid, this.told);
    this.shadowRoot.replaceChildren(make("style", { textContent: LOOKS + LAB_LOOKS }), this.card);
    this.arrange(this.isNarrow);
    this.labelButton();
  }

  // On a phone: pictures, settings, and then the losses and numbers.
  arrange(narrow) {
    this.narrow = narrow;
    if (narrow) this.grid.after(this.main, this.said, this.folded, this.below);
    else {
      this.below.remove();
      this.legend.before(this.main, this.folded, this.said);
    }
    if (this.boxes) this.layOut();
  }

  // The controls, showing what is set now; the one in use keeps the focus.
  fill() {
    const focus = this.shadowRoot.activeElement?.id;
    const named = this.getAttribute("controls")?.split(/\s+/);
    const keys = named ?? Object.keys(CONTROLS).filter((key) => CONTROLS[key][0]);
    const first = (key) => named || IN_VIEW.includes(key);
    const set = this.setOf(this.side === "b" ? 1 : 0);
    this.lists = {};
    const knobs = (some) => some.map((key) => this.knob(key, CONTROLS[key], set[key]));
    this.main.replaceChildren(...knobs(keys.filter(first)));
    if (this.a.mode === "compare") this.main.append(this.knob("side", ["Settings act on", SIDES], this.side));
    this.rest.replaceChildren(...knobs(keys.filter((key) => !first(key))));
    this.folded.hidden = named;
    if (focus) this.shadowRoot.getElementById(focus)?.focus();
  }

  knob(key, [label, values], value) {
    const kind = typeof values[0] === "string" ? "select" : "range";
    const list = values.includes(value) ? values : [...values, value].sort((p, q) => p - q);
    this.lists[key] = list;
    return this.control({ label, labels: list.map(nameOf), at: list.indexOf(value), kind }, key);
  }

  isOn(key) {
    return this.a[key];
  }

  flip(key, on) {
    this.put(key, +on);
  }

  choose(key, k) {
    this.put(key, this.lists[key][k]);
  }

  // One setting changes: for both columns of a comparison, or for one of them.
  put(key, value) {
    const { a, b } = this;
    const side = COMMON.includes(key) ? "both" : this.side;
    const change = (name, v) => {
      if (side === "a") b[name] ??= a[name]; // B keeps what it has
      if (side !== "a") b[name] = v;
      if (side !== "b") a[name] = v;
    };
    if (key === "side") this.side = value;
    else change(key, value);
    if (key === "target") change("zDim", usual(value).zDim);
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

  // What a setting will do of which the picture shows nothing yet.
  effect(key, value) {
    const name = CONTROLS[key]?.[0];
    if (!name || this.timer || ["mode", "target"].includes(key)) return "";
    const sets = this.runs.map((run) => run.set);
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

  setOf(i) {
    if (this.a.mode === "many") return { ...this.a, seed: this.a.seed + i };
    return i ? { ...this.a, ...this.b } : this.a;
  }

  // New networks everywhere, from the seed.
  begin() {
    const n = { one: 1, compare: 2, many: 16 }[this.a.mode];
    this.runs = range(n, (i) => new Run(this.setOf(i)));
    Object.assign(this, { turn: 0, phase: 0, draft: [] });
    this.said.textContent = "";
    const shape = [this.a.mode, ...this.runs.flatMap(({ set }) => [set.target, set.zDim, set.game])].join(" ");
    if (shape !== this.shape) this.layOut();
    this.shape = shape;
    for (const run of this.runs) {
      if (run.gan && this.a.mode === "many") run.gan.ruler = this.runs[0].gan.ruler; // one target, one ruler
      run.measure();
    }
    this.update();
  }

  // Places for the pictures and their legend; they stay when only the networks are new.
  layOut() {
    const { mode } = this.a;
    const legend = this.legendOf({ legend: this.runs[0].legend(mode === "many") });
    this.legend.replaceWith(legend);
    this.legend = legend;
    this.boxes = this.runs.map((run, i) => {
      const picture = (text) => make("canvas", { role: "img", "aria-label": text });
      const canvas = picture(`Real samples, ${nameOf(run.set.target)}, generated ones, and D; seed ${run.set.seed}.`);
      if (run.set.target === "drawn" && mode !== "many") this.drawOn(canvas, i);
      if (mode === "many") return { canvas, all: canvas };
      const losses = picture("Losses of D and G.");
      const [name, words] = [make("p", { className: "name" }), make("ul", { className: "words" })];
      const more = make("div", {}, this.legendOf({ legend: run.lossLegend }), losses, words);
      if (this.narrow && mode === "compare") more.prepend(make("p", { className: "name", textContent: "AB"[i] }));
      const all = make("div", { className: "run" }, make("div", {}, name, canvas), ...(this.narrow ? [] : [more]));
      return { canvas, losses, words, name, all, more };
    });
    const kind = [mode, this.runs[0].flat ? "flat" : "plane", mode === "many" ? "" : "runs", this.narrow ? "narrow" : ""];
    this.grid.className = kind.join(" ");
    this.grid.replaceChildren(...this.boxes.map((box) => box.all));
    this.below.replaceChildren(...(this.narrow && mode !== "many" ? this.boxes.map((box) => box.more) : []));
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

  // The networks take turns, so that all have trained equally long.
  advance() {
    this.runs[this.turn].gan?.step();
    this.turn = (this.turn + 1) % this.runs.length;
  }

  tick(now) {
    this.timer = requestAnimationFrame((then) => this.tick(then));
    const { speed, nD } = this.a;
    if (speed === "slow") {
      if (now < this.next) return;
      this.next = now + 2200;
      this.halfStep(this.phase++ % (nD + 1) < nD ? "d" : "g");
    } else {
      this.due = speed === "most" ? Infinity : Math.min(60, this.due + ((now - this.last) / 1000) * parseInt(speed) * this.runs.length);
      const end = performance.now() + 10; // milliseconds of training in a frame
      for (; this.due >= 1 && performance.now() < end; this.due--) this.advance();
    }
    this.last = now;
    if (this.over) return this.pause();
    if (now - this.seenAt > (this.still ? 500 : 0)) this.update(now);
  }

  halfStep(which) {
    for (const { gan } of this.runs) which === "d" ? gan?.dStep() : gan?.gStep();
    if (this.runs[0].gan) this.said.textContent = HALVES[which](this.runs[0]);
  }

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

  // Numbers are taken of all networks when things stand still, else of one at a time.
  update(now = 0) {
    this.seenAt = now;
    if (!this.timer) this.runs.forEach((run) => run.measure());
    else if (now - (this.measuredAt ?? 0) > (this.runs.length > 2 ? 150 : 600)) {
      this.measuredAt = now;
      this.measured = ((this.measured ?? 0) + 1) % this.runs.length;
      this.runs[this.measured].measure();
    }
    this.clock.textContent = `seed ${this.a.seed}, iteration ${number(this.runs[0].gan?.steps ?? 0)}`;
    this.redraw();
    this.tell();
  }

  // ---- what is shown

  paint() {
    if (!this.runs || !this.pal) return;
    const small = this.a.mode === "many";
    const look = { ...this.a, pal: this.pal, small, draft: this.draft, cursor: this.cursor };
    const shares = this.timer && !paper.now ? Math.min(this.runs.length, 4) : 1; // while training, of many pictures a share in a frame
    this.painted = ((this.painted ?? 0) + 1) % shares;
    this.runs.forEach((run, i) => {
      const { canvas, losses, words, name } = this.boxes[i];
      const w = canvas.clientWidth;
      if (!w || i % shares !== this.painted) return;
      const h = run.flat ? (small ? 0.7 * w : Math.min(316, 160 + 0.26 * w)) : w + (small ? 0 : 14);
      run.draw(prepare(canvas, w, h, this.font), w, h, look);
      if (small) return;
      run.drawLosses(prepare(losses, losses.clientWidth, 130, this.font), losses.clientWidth, 130, this.pal);
      const say = (key) => `${CONTROLS[key][0]} ${nameOf(run.set[key])}`;
      name.hidden = this.runs.length < 2;
      name.textContent = `${"AB"[i]}. ${Object.keys(this.b).map(say).join(", ") || "Let the settings act on B only, and change one"}`;
      const item = ([head, text]) => make("li", {}, make("b", { textContent: head }), text);
      words.replaceChildren(...wordsOf(run).map(item));
    });
    this.count.textContent = small ? this.tally() : "";
  }

  tally() {
    const out = mean(this.runs.map((run) => run.out ?? 0));
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

  drawPoints(points) {
    this.put("points", packPoints(points.slice(-2 * MOST_POINTS)));
    this.said.textContent = `${points.length / 2} points drawn.`;
  }

  drawOn(canvas, i) {
    Object.assign(canvas, { tabIndex: 0, role: "application", className: "draws" });
    canvas.setAttribute("aria-label", "Draw the real data. Arrow keys move a cursor, space drops a point, Delete clears.");
    const inside = (v) => Math.max(-2.9, Math.min(2.9, v));
    const under = (event) => this.runs[i].place(event.offsetX, event.offsetY).map(inside);
    const show = (changes) => {
      Object.assign(this, changes);
      this.redraw();
    };
    const keep = (points) => this.drawPoints(points);
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
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
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
