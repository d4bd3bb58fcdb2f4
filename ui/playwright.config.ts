import { defineConfig } from "@playwright/test";
import { existsSync } from "node:fs";

const PORT = 4173;
/** Debian's browser; `CHROMIUM` names another. */
const chromium =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((p) => existsSync(p));

export default defineConfig({
  testDir: "tests",
  outputDir: "../target/ui-tests",
  fullyParallel: true,
  workers: 2,
  // A browser on a machine that stalls for a moment fails a try, not the change.
  retries: process.env.CI ? 2 : 0,
  // Generous: nothing here is about time, and the machine may have other work.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: "line",
  webServer: {
    command: `npx vite preview --config ui/vite.config.ts --mode mock --port ${PORT} --outDir ../target/ui-mock`,
    cwd: "..",
    port: PORT,
    reuseExistingServer: true,
  },
  use: {
    baseURL: `http://localhost:${PORT}`,
    timezoneId: "UTC",
    locale: "en-GB",
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
