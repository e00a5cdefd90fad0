// What every page of the book does beside the theme: formulas that fit, figures in full size, and paper.
// Each part stands alone, and a page without JavaScript shows the same text and pictures.

(() => {
  "use strict";

  // ---- Formulas. One that is wider than its column breaks before its signs; if a piece is still too wide, it shrinks.

  // Relations, arithmetic and arrows by their code points, as MathJax names the glyphs of an operator.
  const SIGNS = new Set("3D 2B 2212 B1 D7 22C5 2264 2265 3C 3E 2248 2243 2261 223C 221D 2192 21D2 27F9 2208".split(" "));
  const OPENING = new Set(["28", "5B", "7B"]);
  const CLOSING = new Set(["29", "5D", "7D"]);
  const SMALLEST = 0.62; // of the size of a formula in the text

  const glyph = (node) => node.querySelector("mjx-c")?.className.match(/^mjx-c(\w+)/)?.[1] ?? "";
  const isSign = (node) => node.localName === "mjx-mo" && SIGNS.has(glyph(node));
  const endsPiece = (node) => node.localName === "mjx-mspace" || (node.localName === "mjx-mo" && glyph(node) === "2C");

  // Gather the nodes of a row into pieces that do not break; each begins with a sign outside of all brackets, or, with
  // `within` = 1, inside of one bracket.
  function cut(row, within = 0) {
    let [piece, depth] = [null, 0];
    for (const node of [...row.childNodes]) {
      if (node.localName === "mjx-tstrut") continue;
      const code = node.localName === "mjx-mo" ? glyph(node) : "";
      if (CLOSING.has(code)) depth -= 1;
      if (!piece || (isSign(node) && depth <= within && piece.childNodes.length)) {
        piece = document.createElement("span");
        piece.className = "gan-piece";
        node.before(piece);
      }
      piece.append(node);
      if (OPENING.has(code)) depth += 1;
      if (endsPiece(node) && depth <= within) piece = null;
    }
  }

  // The rows of an aligned formula, if that is all there is; they then stand below one another as lines. Sphinx sets an
  // aligned formula into a table of one cell, so that tables are nested.
  function alignedRows(node) {
    const parts = [...node.children].filter((child) => child.localName !== "mjx-tstrut");
    if (node.localName !== "mjx-mtable") return parts.length === 1 ? alignedRows(parts[0]) : null;
    node.classList.add("gan-rows");
    return [...node.querySelectorAll(":scope > mjx-table > mjx-itable > mjx-mtr")].flatMap(
      (row) => (row.children.length === 1 && alignedRows(row.children[0])) || [row],
    );
  }

  function fit(box) {
    const container = box.querySelector("mjx-container[display]");
    if (!container) return;
    box.classList.remove("gan-broken");
    container.style.fontSize = "";
    const tooWide = () => container.scrollWidth > container.clientWidth + 1 || box.scrollWidth > box.clientWidth + 1;
    if (!tooWide()) return;
    const math = container.querySelector("mjx-math");
    if (!box.dataset.cut) {
      const rows = alignedRows(math);
      for (const row of rows ? rows.flatMap((r) => [...r.children]) : [math]) cut(row);
      box.dataset.cut = "yes";
    }
    box.classList.add("gan-broken");
    for (const piece of box.querySelectorAll(".gan-piece")) {
      if (piece.offsetWidth > container.clientWidth && !piece.querySelector(".gan-piece")) {
        cut(piece, 1);
        piece.classList.add("gan-inner");
      }
    }
    const full = parseFloat(getComputedStyle(container).fontSize);
    for (let part = 0.95; tooWide() && part >= SMALLEST; part -= 0.05) container.style.fontSize = `${full * part}px`;
  }

  // A full stop, or an apostrophe with its s, stays with the formula before it.
  function holdPunctuation(container) {
    const formula = container.closest("span.math") ?? container;
    const around = formula.parentElement; // bold type may end with the formula
    const after = formula.nextSibling ?? (around.matches("strong, em") ? around.nextSibling : null);
    const mark = after?.nodeType === Node.TEXT_NODE && after.data.match(/^[.,;:?!)’'”]+s?(?![\p{L}\p{N}])/u)?.[0];
    if (!mark) return;
    const together = document.createElement("span");
    together.style.whiteSpace = "nowrap";
    formula.before(together);
    after.data = after.data.slice(mark.length);
    together.append(formula, mark);
  }

  async function formulas() {
    if (document.readyState !== "complete") await new Promise((go) => addEventListener("load", go, { once: true }));
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
    const content = document.querySelector(".bd-article");
    if (!content) return;
    for (const inline of content.querySelectorAll("mjx-container:not([display])")) holdPunctuation(inline);
    const boxes = [...content.querySelectorAll("div.math")];
    let width = 0;
    new ResizeObserver(() => {
      if (content.clientWidth === width) return;
      width = content.clientWidth;
      boxes.forEach(fit);
    }).observe(content);
    for (const details of content.querySelectorAll("details")) {
      details.addEventListener("toggle", () => details.querySelectorAll("div.math").forEach(fit));
    }
    boxes.forEach(fit);
    document.fonts.addEventListener("loadingdone", () => boxes.forEach(fit)); // a glyph's width comes with its font
    document.documentElement.dataset.formulas = "fitted";
  }

  // ---- Figures. A tap, Enter or Space opens one in full size; there a tap fits it to the window and back, arrow keys go
  // to the next, and Escape closes.

  function figures() {
    const all = [...document.querySelectorAll(".bd-article :is(.cell_output, figure) img")].filter((img) => !img.closest("a, gan-replay, gan-lab, gan-latent, gan-figure"));
    if (!all.length || !window.HTMLDialogElement) return;
    const make = (tag, props, ...children) => {
      const node = Object.assign(document.createElement(tag), props);
      node.append(...children);
      return node;
    };
    const picture = make("img", {});
    const words = make("figcaption", {});
    const place = make("p", {});
    place.setAttribute("role", "status");
    const button = (text, label, onclick) => {
      const one = make("button", { type: "button", textContent: text, onclick, title: label });
      one.setAttribute("aria-label", label);
      return one;
    };
    let at = 0;
    const show = (i) => {
      at = (i + all.length) % all.length;
      const shown = all[at];
      Object.assign(picture, { src: shown.src, alt: shown.alt });
      words.replaceChildren(...[...(shown.closest("figure")?.querySelector("figcaption")?.childNodes ?? [])].map((n) => n.cloneNode(true)));
      words.querySelectorAll(".headerlink").forEach((link) => link.remove());
      place.textContent = `Figure ${at + 1} of ${all.length} on this page`;
      dialog.scrollTo(0, 0);
    };
    const fitting = button("", "", () => resize(!dialog.classList.contains("fits")));
    const resize = (fits) => {
      dialog.classList.toggle("fits", fits);
      fitting.textContent = fits ? "Full size" : "Fit";
      fitting.title = fits ? "Show the figure in full size" : "Fit the figure to the window";
      fitting.setAttribute("aria-label", fitting.title);
    };
    const bar = make("div", { className: "bar" }, place, fitting,
      button("‹", "Previous figure", () => show(at - 1)),
      button("›", "Next figure", () => show(at + 1)),
      button("×", "Close", () => dialog.close()));
    const scroller = make("div", { className: "picture", tabIndex: 0, onclick: () => fitting.click() }, picture);
    scroller.setAttribute("role", "group");
    scroller.setAttribute("aria-label", "The figure in full size");
    const dialog = make("dialog", { className: "gan-zoom" }, bar, scroller, words);
    dialog.setAttribute("aria-label", "Figure in full size");
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") event.stopPropagation(); // Sphinx would keep it from closing the dialog
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      show(at + step);
    });
    document.body.append(dialog);
    resize(false);
    all.forEach((img, i) => {
      const opener = make("button", { type: "button", className: "gan-open" });
      opener.addEventListener("click", () => {
        show(i);
        resize(false);
        dialog.showModal();
      });
      opener.setAttribute("aria-haspopup", "dialog");
      img.replaceWith(opener);
      opener.append(img);
    });
  }

  // ---- Paper. Solutions and answers are open while the page is printed; folded code stays folded.

  function paper() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll(".bd-article details:not([open], .gan-fold)")];
      for (const details of opened) details.open = true;
      document.querySelectorAll(".bd-article div.math").forEach(fit);
    });
    addEventListener("afterprint", () => {
      for (const details of opened) details.open = false;
    });
  }

  // ---- A chosen section is not left behind the list of contents.

  function contents() {
    const dialog = document.getElementById("pst-secondary-sidebar-modal");
    dialog?.addEventListener("click", (event) => {
      if (event.target.closest("a[href^='#']")) dialog.close();
    });
  }

  // ---- What scrolls sideways can be reached by the keyboard.

  function scrollers() {
    const mark = () => {
      for (const box of document.querySelectorAll(".bd-article :is(.gan-table, .pst-scrollable-table-container, pre)")) {
        if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      }
    };
    mark();
    addEventListener("resize", mark);
    addEventListener("toggle", mark, true); // what was folded has no width before
  }

  const start = () => [figures, paper, contents, scrollers, formulas].forEach((part) => part());
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", start) : start();
})();
