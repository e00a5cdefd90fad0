// An element with a button that plays and pauses, settings, and legends: what replays and the laboratory share.

import { legendMark, NS } from "./draw.js";
import { GanElement, make } from "./element.js";
import { waitForFinger } from "./touch.js";

/** @typedef {{ label: string, labels: string[], at: number, kind?: string }} Setting at: which label is chosen */
/** @typedef {[mark: string, text: string, key?: string]} Entry of a legend; one with a key is a switch */

export class GanPlayer extends GanElement {
  timer = 0; // while it plays
  away = false; // whether it stopped because nobody could see it
  narrow = false;
  button = make("button", { type: "button", className: "play", onclick: () => (this.timer ? this.pause() : this.play()) });
  clock = make("span", { className: "value" });

  disconnectedCallback() {
    super.disconnectedCallback();
    this.pause();
  }

  play() {}

  pause() {}

  // What stops because nobody can see it goes on when it is seen again.
  goAway() {
    this.away ||= Boolean(this.timer);
    this.pause();
  }

  comeBack() {
    if (this.away && this.inSight) this.play();
  }

  tell(acted = !this.timer) {
    super.tell(acted);
  }

  labelButton() {
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", "0 0 12 12");
    svg.setAttribute("aria-hidden", "true");
    svg.innerHTML = this.timer ? '<path d="M1 0H4V12H1ZM8 0H11V12H8Z"/>' : '<path d="M1 0L12 6L1 12Z"/>';
    this.button.replaceChildren(svg, this.timer ? "Pause" : "Play");
  }

  // ---- on a phone the parts stand in another order, on paper, too, and in that of the tab key

  get isNarrow() {
    return Boolean(this.card && this.card.clientWidth < 560);
  }

  /** @param {boolean} narrow */
  arrange(narrow) {
    this.narrow = narrow;
  }

  resize() {
    if (this.isNarrow !== this.narrow) {
      const focus = this.root.activeElement;
      this.arrange(this.isNarrow);
      if (focus instanceof HTMLElement) focus.focus();
    }
    this.redraw();
  }

  // ---- legends and settings

  /** @param {Entry[]} legend */
  legendOf(legend) {
    const items = legend.map(([mark, text, key]) => {
      const parts = [legendMark(mark), text];
      if (!key) return make("li", {}, ...parts);
      const box = make("input", { type: "checkbox", id: key, checked: this.isOn(key) });
      box.addEventListener("change", () => this.flip(key, box.checked));
      return make("li", {}, make("label", {}, box, ...parts));
    });
    return make("ul", { className: "legend", hidden: !items.length, "aria-label": "Legend" }, ...items);
  }

  /**
   * Whether a switch is on.
   * @param {string} _key
   */
  isOn(_key) {
    return false;
  }

  /**
   * @param {string} _key
   * @param {boolean} _on
   */
  flip(_key, _on) {}

  /**
   * A list of words or a slider with stops; `choose(k)` is called with the place of what was chosen.
   * @param {string} id
   * @param {Setting} setting
   * @param {(k: number) => void} choose
   */
  control(id, { label, labels, at, kind }, choose) {
    const last = labels.length - 1;
    const head = (/** @type {Node} */ beside) =>
      make("div", { className: "head" }, make("label", { htmlFor: id, textContent: label }), beside);
    if (kind === "select") {
      const option = (/** @type {string} */ text, /** @type {number} */ k) =>
        make("option", { value: k, textContent: text, selected: k === at });
      const select = make("select", { id }, ...labels.map(option));
      const stated = make("span", { className: "stated", textContent: labels[at] });
      select.addEventListener("change", () => {
        stated.textContent = labels[+select.value];
        choose(+select.value);
      });
      return make("div", {}, head(stated), select);
    }
    const output = make("span", { className: "value" });
    const input = waitForFinger(make("input", { type: "range", id, min: 0, max: last, step: 1, value: at }));
    const name = () => {
      output.textContent = labels[+input.value];
      input.setAttribute("aria-valuetext", labels[+input.value]);
    };
    input.addEventListener("input", () => {
      name();
      choose(+input.value);
    });
    name();
    const dots = labels.map((_, k) => make("i", { style: `--x:${last ? k / last : 0.5}` }));
    return make("div", {}, head(output), make("div", { className: "slider" }, ...dots, input));
  }
}
