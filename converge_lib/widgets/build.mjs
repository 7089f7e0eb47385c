// Bundles each widget: NAME/widget.js → static/NAME.js and NAME/style.css → static/NAME.css.
// With --check nothing is written: it compares, and exits with 1 where a committed bundle is stale.

import { readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const check = process.argv.includes("--check");
const widgets = readdirSync(here).filter((name) => existsSync(`${here}${name}/widget.js`));

/** d3-array is one file: what it makes by a call stays in a bundle that never uses it, unless the call is known to be pure. */
const pureCalls = {
  name: "pure calls",
  setup: (/** @type {import("esbuild").PluginBuild} */ { onLoad }) => onLoad({ filter: /d3-array\.mjs$/ }, ({ path }) => ({
    contents: readFileSync(path, "utf8").replace(/= (?=(Blur2|shuffler)\()/g, "= /* @__PURE__ */ "),
  })),
};

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: widgets.flatMap((name) => [
    { in: `./${name}/widget.js`, out: name },
    { in: `./${name}/style.css`, out: name },
  ]),
  outdir: "static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  plugins: [pureCalls],
  write: false,
});

for (const { path, text } of outputFiles) {
  const name = path.slice(here.length);
  const size = `${(text.length / 1024).toFixed(1)} KB`;
  if (!check) {
    writeFileSync(path, text);
    console.log(`${name} ${size}`);
  } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    console.error(`${name} is not what its sources build: run \`npm run build\``);
    process.exitCode = 1;
  }
}
