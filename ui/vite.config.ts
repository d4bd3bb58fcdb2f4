import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { CSP } from "./csp.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  root: here("."),
  // The shell serves the page from a scheme of its own: paths must not depend on where it lies.
  base: "./",
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: mode === "mock" ? here("../target/ui-mock") : here("dist"),
    emptyOutDir: true,
    // The oldest web views among the systems that the app is made for (WebKitGTK 2.40, Safari 16).
    target: "safari16",
    // An asset inlined as data: would be against the page's own rules.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 1420, strictPort: true },
  preview: { strictPort: true, headers: { "Content-Security-Policy": CSP } },
}));
