// <gan-replay data="..."> shows recorded training runs: settings choose the run, a scrubber the time.
// Until its data are unpacked, and without this script, the picture inside the element is what one sees.

function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    key in node ? (node[key] = value) : node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

class GanReplay extends HTMLElement {
  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" }).append(make("slot"));
      // Keys that move a slider must not also turn the page.
      this.shadowRoot.addEventListener("keydown", (event) => event.stopPropagation());
    }
    this.retheme = () => this.recolour();
    themed.add(this.retheme);
    this.sight = new IntersectionObserver((entries) => this.seen(entries[entries.length - 1].isIntersecting), { rootMargin: "200px" });
    this.sight.observe(this);
    if (this.card) this.recolour();
  }

  disconnectedCallback() {
    themed.delete(this.retheme);
    this.sight.disconnect();
    this.resized?.disconnect();
    this.pause();
    clearTimeout(this.telling);
  }

  seen(visible) {
    this.inSight = visible;
    if (!visible) return this.goAway();
    if (this.card) {
      this.resized?.observe(this.card);
      return this.comeBack();
    }
    this.started ??= this.start().catch((error) => {
      const why = typeof DecompressionStream === "undefined" ? "it needs a browser of 2023 or later" : error.message;
      this.shadowRoot.append(make("p", { role: "status", textContent: `The sliders could not start: ${why}.` }));
    });
  }

  // What stops because nobody can see it goes on when it is seen again.
  goAway() {
    this.away ||= Boolean(this.timer);
    this.pause();
  }

  comeBack() {
    if (this.away && this.inSight) this.play();
  }

  async start() {
    const began = performance.now();
    const { meta, channels } = await unpack(this.getAttribute("data"));
    this.decodeMs = performance.now() - began;
    Object.assign(this, { meta, channels, frame: 0, choice: meta.settings.map((s) => s.at), toggled: meta.toggled });
    this.views = meta.views.map((spec) => new VIEWS[spec.type](spec, channels));
    this.build();
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.card);
    this.recolour();
    this.show(meta.first);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (meta.autoplay && !still) this.play();
    this.dispatchEvent(new CustomEvent("ready"));
  }

  // ---- the parts on the page

  build() {
    const { meta } = this;
    this.canvases = this.views.map((view) => {
      const canvas = make("canvas", { role: "img" });
      if (view.frameAt) scrub(canvas, (event) => this.go(view.frameAt(event.offsetX, canvas.clientWidth, meta.steps.length)));
      return canvas;
    });
    const [first, ...others] = this.views.map((view, i) =>
      make("div", { className: view.wide ? "view wide" : "view" }, this.legendOf(view), this.canvases[i]),
    );
    this.scrubber = make("input", { type: "range", id: "time", min: 0, max: meta.steps.length - 1, step: 1, value: 0 });
    waitForFinger(this.scrubber).addEventListener("input", () => this.go(+this.scrubber.value));
    this.clock = make("span", { className: "value" });
    const toggle = () => (this.timer ? this.pause() : this.play());
    this.button = make("button", { type: "button", className: "play", onclick: toggle });
    this.metrics = make("div", { className: "metrics" });
    this.told = make("p", { className: "told", role: "status", "aria-live": "polite" });
    const time = make("div", { className: "time" }, this.button, make("div", {},
      make("div", { className: "head" }, make("label", { htmlFor: "time", textContent: "Training step" }), this.clock),
      make("div", { className: "slider" }, this.scrubber)));
    time.hidden = meta.steps.length < 2;
    const controls = meta.settings.map((setting, i) => this.control(setting, i));
    this.first = first;
    this.settings = make("div", { className: "settings", hidden: !controls.length }, ...controls);
    this.pictures = make("div", { className: "views" }, first, ...others);
    this.card = make("div", { className: "card", role: "group", "aria-label": meta.title },
      make("p", { className: "title", textContent: meta.title }),
      this.settings,
      time,
      this.metrics,
      this.pictures,
      this.told);
    this.shadowRoot.replaceChildren(make("style", { textContent: LOOKS }), this.card);
    this.arrange(this.isNarrow);
    this.labelButton();
  }

  // ---- on a phone the picture stands above what sets it, on paper, too, and in the order of the tab key

  get isNarrow() {
    return this.card.clientWidth < 560;
  }

  arrange(narrow) {
    this.narrow = narrow;
    narrow ? this.settings.before(this.first) : this.pictures.prepend(this.first);
  }

  resize() {
    if (this.isNarrow !== this.narrow) {
      const focus = this.shadowRoot.activeElement;
      this.arrange(this.isNarrow);
      focus?.focus();
    }
    this.redraw();
  }

  // Marks and words; an entry with a key is a switch.
  legendOf({ legend }) {
    const items = legend.map(([mark, text, key]) => {
      const parts = [legendMark(mark), text];
      if (!key) return make("li", {}, ...parts);
      const box = make("input", { type: "checkbox", id: key, checked: this.isOn(key) });
      box.addEventListener("change", () => this.flip(key, box.checked));
      return make("li", {}, make("label", {}, box, ...parts));
    });
    return make("ul", { className: "legend", hidden: !items.length, "aria-label": "Legend" }, ...items);
  }

  isOn() {
    return this.toggled;
  }

  flip(key, on) {
    this.toggled = on;
    this.redraw();
  }

  control(setting, i) {
    const id = `s${i}`;
    const last = setting.labels.length - 1;
    if (setting.kind === "select") {
      const option = (text, k) => make("option", { value: k, textContent: text, selected: k === setting.at });
      const select = make("select", { id }, ...setting.labels.map(option));
      const stated = make("span", { className: "stated", textContent: setting.labels[setting.at] });
      select.addEventListener("change", () => {
        stated.textContent = setting.labels[select.value];
        this.choose(i, +select.value);
      });
      const label = make("label", { htmlFor: id, textContent: setting.label });
      return make("div", {}, make("div", { className: "head" }, label, stated), select);
    }
    const output = make("span", { className: "value" });
    const input = waitForFinger(make("input", { type: "range", id, min: 0, max: last, step: 1, value: setting.at }));
    const name = () => {
      output.textContent = setting.labels[input.value];
      input.setAttribute("aria-valuetext", setting.labels[input.value]);
    };
    input.addEventListener("input", () => {
      name();
      this.choose(i, +input.value);
    });
    name();
    const dots = setting.labels.map((_, k) => make("i", { style: `--x:${last ? k / last : 0.5}` }));
    return make("div", {},
      make("div", { className: "head" }, make("label", { htmlFor: id, textContent: setting.label }), output),
      make("div", { className: "slider" }, ...dots, input));
  }

  // ---- what is shown

  get run() {
    return this.choice.reduce((run, k, i) => run * this.meta.settings[i].labels.length + k, 0);
  }

  choose(i, k) {
    this.choice[i] = k;
    this.show(this.frame);
    this.tell(true);
  }

  go(frame) {
    this.pause();
    this.show(frame);
  }

  show(frame) {
    this.frame = frame;
    const { meta, scrubber } = this;
    const part = meta.steps.length > 1 ? frame / (meta.steps.length - 1) : 0;
    scrubber.value = frame;
    scrubber.style.setProperty("--fillbar",
      `linear-gradient(90deg, var(--ink) calc(9px + (100% - 18px) * ${part}), var(--track) 0)`);
    this.clock.textContent = meta.steps[frame].toLocaleString("en");
    scrubber.setAttribute("aria-valuetext", `step ${this.clock.textContent}`);
    const item = ([name, v]) => make("span", {}, `${name} `, make("b", { textContent: v }));
    this.metrics.replaceChildren(...this.readings().map(item));
    this.redraw();
    this.tell();
  }

  // A run that broke down says so from that frame on.
  get broken() {
    const at = this.meta.diverged[this.run];
    return at >= 0 && this.frame >= at ? `diverged at step ${this.meta.steps[at].toLocaleString("en")}` : "";
  }

  readings() {
    const now = (key) => this.channels[key].values(this.run, this.frame)[0];
    const found = this.meta.metrics.map(([name, key]) => [name, number(now(key))]);
    for (const view of this.views) found.push(...(view.readings?.(this) ?? []));
    return this.broken ? [...found, ["run", this.broken]] : found;
  }

  get quiet() {
    return 4000; // milliseconds between two sentences while things move
  }

  sentence() {
    const { meta } = this;
    const chosen = meta.settings.map((s, i) => `${s.label} ${s.labels[this.choice[i]]}`);
    const read = this.readings().map(([name, v]) => `${name} ${v}`);
    return `Step ${this.clock.textContent}. ${[...chosen, ...read].join(", ")}.`;
  }

  // For screen readers, one sentence: as soon as the reader stops acting, and now and then while things move.
  tell(acted = !this.timer) {
    if (!acted && this.telling) return;
    const wait = acted ? 500 : Math.max(500, this.quiet - performance.now() + (this.toldAt ?? -Infinity));
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.telling = 0;
      this.toldAt = performance.now();
      this.told.textContent = this.sentence();
    }, wait);
  }

  recolour() {
    if (!this.card) return;
    this.card.dataset.theme = pageIsDark() ? "dark" : "light";
    const style = getComputedStyle(this.card);
    const names = ["real", "fake", "ink", "muted", "hair", "paper"];
    this.pal = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.font = `12px ${style.fontFamily}`;
    paper.now ? this.paint() : this.redraw(); // a printer does not wait for the next frame
  }

  redraw() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.paint();
    });
  }

  paint() {
    this.views.forEach((view, i) => this.drawView(view, this.canvases[i]));
  }

  drawView(view, canvas) {
    const width = canvas.clientWidth;
    if (!width) return;
    const height = view.height(width);
    const c = prepare(canvas, width, height, this.font);
    const { run, frame, pal, toggled, meta } = this;
    const at = { run, frame, frames: meta.steps.length, steps: meta.steps, pal, toggled };
    view.draw(c, width, height, at);
    if (this.broken && !view.frameAt) {
      const half = c.measureText(this.broken).width / 2 + 10;
      c.beginPath();
      c.rect(width / 2 - half, height * 0.3 - 13, 2 * half, 26);
      fill(c, pal.ink);
      write(c, this.broken, width / 2, height * 0.3, pal.paper);
    }
    canvas.setAttribute("aria-label", `${view.alt?.(at) ?? meta.alt} ${this.sentence()}`);
  }

  // ---- time

  play() {
    const last = this.meta.steps.length - 1;
    this.away = false;
    if (this.frame >= last) this.show(0);
    this.timer = setInterval(() => {
      if (this.frame >= last && this.meta.loop) return this.show(0);
      if (this.frame + 1 >= last && !this.meta.loop) this.pause();
      this.show(Math.min(this.frame + 1, last));
    }, 1000 / this.meta.fps);
    this.labelButton();
  }

  pause() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.labelButton();
    this.tell();
  }

  labelButton() {
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", "0 0 12 12");
    svg.setAttribute("aria-hidden", "true");
    svg.innerHTML = this.timer ? '<path d="M1 0H4V12H1ZM8 0H11V12H8Z"/>' : '<path d="M1 0L12 6L1 12Z"/>';
    this.button.replaceChildren(svg, this.timer ? "Pause" : "Play");
  }
}

customElements.define("gan-replay", GanReplay);
watchTheme();
