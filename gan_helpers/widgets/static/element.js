// What the elements of the book have in common: they start when they come into view, follow the page's theme, paint
// when there is something new, and tell a screen reader what is seen. Until an element has started, and without this
// script, the picture inside it is what one sees.

import { LOOKS } from "./looks.js";
import { pageIsDark, paper, themed, watchTheme } from "./theme.js";

/** @import { Colours } from "./draw.js" */

/**
 * A node with properties, or attributes where it has no such property.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} props
 * @param {(Node | string)[]} children
 */
export function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key in node) Object.assign(node, { [key]: value });
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** @param {string} query */
export const wants = (query) => matchMedia(query).matches;

/** An element of the book. One that is built on it has `start`, `paint` and `sentence`. */
export class GanElement extends HTMLElement {
  root = this.attachShadow({ mode: "open" });
  /** @type {HTMLElement | null} What stands in the root once the element has started. */ card = null;
  told = make("p", { className: "told", role: "status", "aria-live": "polite" });
  /** @type {Colours} */ pal = { real: "", fake: "", ink: "", muted: "", hair: "", paper: "" };
  font = "";
  inSight = false;
  pending = 0; // the animation frame that will paint
  telling = 0; // the timer that will tell
  toldAt = -Infinity;
  /** @type {Promise<void> | undefined} */ started;
  retheme = () => this.recolour();
  sight = new IntersectionObserver((seen) => this.come(seen[seen.length - 1].isIntersecting), { rootMargin: "200px" });
  resized = new ResizeObserver(() => this.resize());

  constructor() {
    super();
    this.root.append(make("slot"));
    // Keys that move a slider must not also turn the page.
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
  }

  connectedCallback() {
    themed.add(this.retheme);
    this.sight.observe(this);
    this.recolour();
  }

  disconnectedCallback() {
    themed.delete(this.retheme);
    this.sight.disconnect();
    this.resized.disconnect();
    clearTimeout(this.telling);
    this.telling = 0;
  }

  /**
   * Makes the card, and shows what there is to see.
   * @returns {Promise<void>}
   */
  async start() {
    throw new Error(`${this.localName} has no start`);
  }

  /** Paints what has changed. */
  paint() {}

  /** What is seen, in a sentence. */
  sentence() {
    return "";
  }

  // ---- sight

  /** @param {boolean} visible */
  come(visible) {
    this.inSight = visible;
    if (!visible) return this.goAway();
    if (this.card) {
      this.resized.observe(this.card);
      return this.comeBack();
    }
    this.started ??= this.start().catch((error) => {
      const why = typeof DecompressionStream === "undefined" ? "it needs a browser of 2023 or later" : error.message;
      this.root.append(make("p", { role: "status", textContent: `The sliders could not start: ${why}.` }));
    });
  }

  goAway() {}

  comeBack() {}

  /**
   * Puts the card, with a title and a place for what is told, where the picture was.
   * @param {string} title
   * @param {string} looks a style sheet of its own
   * @param {(Node | string)[]} parts
   */
  stand(title, looks, ...parts) {
    this.card = make("div", { className: "card", role: "group", "aria-label": title },
      make("p", { className: "title", textContent: title }), ...parts, this.told);
    this.root.replaceChildren(make("style", { textContent: LOOKS + looks }), this.card);
  }

  /** Says that it has started: from here on it follows its size and the theme. */
  ready() {
    if (this.card) this.resized.observe(this.card);
    this.recolour();
    this.dispatchEvent(new CustomEvent("ready"));
  }

  resize() {
    this.redraw();
  }

  // ---- what is seen, and told

  recolour() {
    if (!this.card) return;
    this.card.dataset.theme = pageIsDark() ? "dark" : "light";
    const style = getComputedStyle(this.card);
    const colour = (/** @type {string} */ name) => [name, style.getPropertyValue(`--${name}`).trim()];
    Object.assign(this.pal, Object.fromEntries(Object.keys(this.pal).map(colour)));
    this.font = `12px ${style.fontFamily}`;
    if (paper.now) this.paint(); // a printer does not wait for the next frame
    else this.redraw();
  }

  redraw() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.paint();
    });
  }

  /** Milliseconds between two sentences while things move. */
  get quiet() {
    return 4000;
  }

  /**
   * For screen readers, one sentence: as soon as the reader stops acting, and now and then while things move.
   * @param {boolean} acted
   */
  tell(acted = true) {
    if (!acted && this.telling) return;
    const wait = acted ? 500 : Math.max(500, this.quiet - performance.now() + this.toldAt);
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.telling = 0;
      this.toldAt = performance.now();
      this.told.textContent = this.sentence();
    }, wait);
  }
}

watchTheme();
