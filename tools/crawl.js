// What the crawl does inside a page, in every browser alike. It is put at the head of each page, before its own scripts.

window.crawl = (() => {
  "use strict";

  const ELEMENTS = "gan-replay, gan-lab, gan-latent, gan-figure";
  const PLAYERS = "input[type=range]:enabled, select:enabled";
  const errors = [];
  const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));
  const inside = (element) => element.shadowRoot ?? element;

  addEventListener("error", (event) => {
    const file = event.target?.src ?? event.target?.href;
    errors.push(event.message ?? `${file} did not load`);
  }, true);
  addEventListener("unhandledrejection", (event) => errors.push(`rejected: ${event.reason}`));
  const spoken = console.error;
  console.error = (...words) => {
    errors.push(words.join(" "));
    spoken.apply(console, words);
  };

  // What a reader sees of an element. A laboratory's link holds its settings, which act on its next step.
  function picture(element) {
    const root = inside(element);
    const drawn = [...root.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL());
    const marked = [...root.querySelectorAll("svg")].map((svg) => svg.outerHTML);
    const pictures = [...root.querySelectorAll("img")].map((img) => img.src);
    return [...drawn, ...marked, ...pictures, element.link ?? ""].join("|");
  }

  function move(control) {
    if (control.tagName === "SELECT") control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
    else control.value = control.value === control.max ? control.min : control.max;
    for (const name of ["input", "change"]) control.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
  }

  // Scroll to an element, wait for its first control, move it, wait for another picture. True if all that happens.
  async function plays(element, seconds = 20) {
    const end = performance.now() + 1000 * seconds;
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const isReady = () => customElements.get(element.localName) && inside(element).querySelector(PLAYERS);
    while (!isReady()) {
      if (performance.now() > end) return false;
      await pause(5);
    }
    const before = picture(element);
    move(isReady());
    while (picture(element) === before) {
      if (performance.now() > end) return false;
      await pause(5);
    }
    return true;
  }

  // Seconds from the request of the page until its first element has answered to a control; null without elements.
  // Only if the address asks for it, as in welcome.html?play: it scrolls the page.
  const firstUse = new Promise((tell) => {
    if (location.search !== "?play") return tell(null);
    addEventListener("DOMContentLoaded", async () => {
      const element = document.querySelector(ELEMENTS);
      tell(element && (await plays(element)) ? performance.now() / 1000 : null);
    });
  });

  const elements = () => [...document.querySelectorAll(ELEMENTS)];
  const names = (found) => found.map((element, i) => `${element.localName} ${i + 1}`);

  // Start every element and move one control of each; the names of those that did not answer.
  async function silent() {
    await firstUse;
    const found = elements();
    const answers = [];
    for (const element of found) answers.push(await plays(element));
    return names(found).filter((_, i) => !answers[i]);
  }

  // Pixels from the last heading above the first element to the element; null without elements.
  function distance() {
    const element = document.querySelector(ELEMENTS);
    if (!element) return null;
    const above = [...document.querySelectorAll(".bd-article :is(h1, h2, h3, h4)")].filter(
      (heading) => heading.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING,
    );
    return Math.round(element.getBoundingClientRect().top - above.at(-1).getBoundingClientRect().bottom);
  }

  // ---- The chapter menu: its button is the visible one, and its links stand in the order of the book.

  const links = () => [...document.querySelectorAll("nav.bd-docs-nav a.reference.internal")];

  function next() {
    const all = links();
    return all[all.findIndex((link) => link.getAttribute("href") === "#") + 1] ?? all[0];
  }

  // Mark the link to the next page, so that it can be clicked; its address.
  function markNext() {
    next().id = "crawl-next";
    return next().href;
  }

  function isInView(element) {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true }) && box.width > 0 && box.left >= 0 && box.right <= innerWidth;
  }

  // The menu moves as it opens and closes: wait until it stands still, shown or not as expected.
  async function menu(expected, seconds = 4) {
    const end = performance.now() + 1000 * seconds;
    const place = () => next().getBoundingClientRect().x;
    for (let last = NaN; isInView(next()) !== expected || place() !== last; await pause(60)) {
      if (performance.now() > end) return !expected;
      last = place();
    }
    return expected;
  }

  // The middle of what is to be clicked, once it stands still: what moves would be missed.
  async function stands(selector) {
    const target = document.querySelector(selector);
    target.scrollIntoView({ block: "nearest", behavior: "instant" });
    for (let last; ; await pause(80)) {
      const box = target.getBoundingClientRect();
      const middle = [box.x + box.width / 2, box.y + box.height / 2];
      if (middle.join() === last) return middle;
      last = middle.join();
    }
  }

  // Addresses of all files that the page has loaded, its own first. Firefox also fetches the next page ahead.
  const loaded = () => performance.getEntriesByType("resource").map((entry) => entry.name);
  const files = () => [location.href, ...loaded().filter((name) => !name.endsWith(".html"))];

  return { stands, errors, elements, firstUse, silent, distance, markNext, isInView, menu, isMenuShown: () => isInView(next()), files };
})();
