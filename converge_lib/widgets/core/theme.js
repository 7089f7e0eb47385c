// Light or dark: as the page says, and where it says nothing, as the reader's system does.

/** @returns {"light" | "dark"} */
function current() {
  const page = document.documentElement;
  const body = document.body;
  const said = page.dataset.theme ?? body.dataset.theme; // this book; Marimo
  if (said === "light" || said === "dark") return said;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false" ? "dark" : "light"; // JupyterLab
  const code = body.dataset.vscodeThemeKind; // VS Code
  if (code) return code.includes("light") ? "light" : "dark";
  if (page.classList.contains("dark") || body.classList.contains("dark")) return "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/**
 * Keep `root`'s data-theme right, and call `changed` after each change. Returns what ends it.
 * @param {HTMLElement} root
 * @param {() => void} changed
 */
export function followTheme(root, changed) {
  root.dataset.theme = current();
  const check = () => {
    if (root.dataset.theme === current()) return;
    root.dataset.theme = current();
    changed();
  };
  const observer = new MutationObserver(check);
  const attributeFilter = ["data-theme", "data-jp-theme-light", "data-vscode-theme-kind", "class"];
  observer.observe(document.documentElement, { attributeFilter });
  observer.observe(document.body, { attributeFilter });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", check);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", check);
  };
}

/** The values of custom properties as they hold at `root` now, for a canvas. */
export function colours(/** @type {HTMLElement} */ root) {
  const style = getComputedStyle(root);
  /** @type {Record<string, string>} */ const known = {}; // each look at a style may lay out the page
  return (/** @type {string} */ name) => (known[name] ??= style.getPropertyValue(`--${name}`).trim() || "#888");
}

export const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
