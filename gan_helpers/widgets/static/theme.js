// Which theme the page shows, whether it is being printed, and who wants to know.

/** Whether the page is being printed, black on white. */
export const paper = { now: false };

/** Which theme the page shows: the book's own switch, JupyterLab, Colab, VS Code, then the system's wish. */
export function pageIsDark() {
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

/**
 * Functions to call when the theme may have changed.
 * @type {Set<() => void>}
 */
export const themed = new Set();

export function watchTheme() {
  const tell = () => {
    for (const f of themed) f();
  };
  const seen = { attributes: true, attributeFilter: ["data-theme", "theme", "class", "data-jp-theme-light"] };
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, seen);
  if (document.body) observer.observe(document.body, seen);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  const print = (/** @type {boolean} */ now) => {
    paper.now = now;
    tell();
  };
  const media = matchMedia("print");
  media.addEventListener("change", () => print(media.matches));
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
}
