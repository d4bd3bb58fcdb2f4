import findings from "./axe";
import { expect, open, pass, test, type World } from "./world";

interface Scene extends World {
  name: string;
  /** How far into its story the world is, milliseconds. */
  after?: number;
  press?: string[];
}

const SCENES: Scene[] = [
  { name: "sign-in", world: "signed-out" },
  { name: "starting", world: "starting" },
  { name: "unanswered", world: "unanswered", after: 1000, press: ["diagnose", "sign-out"] },
  { name: "failed", world: "failed-keyring" },
  { name: "people" },
  { name: "people-empty", world: "empty" },
  { name: "person", at: "people/bob@example.org", press: ["safety"] },
  { name: "stranger", at: "people/erin@two.example" },
  { name: "incoming", world: "incoming", at: "settings", after: 1000 },
  { name: "incoming-over", world: "incoming-over", at: "call", after: 2500 },
  { name: "incoming-call", world: "incoming-stranger", at: "call", after: 1000 },
  { name: "calling", world: "calling", at: "call" },
  { name: "call", world: "handovers", at: "call", after: 12_000, press: ["text"] },
  { name: "call-none", at: "call" },
  { name: "outage", world: "outage", at: "call", after: 9000, press: ["sound"] },
  { name: "ended", world: "ended-busy", at: "call", after: 1500 },
  { name: "route", world: "handovers", at: "route", after: 32_000 },
  { name: "route-outage", world: "outage", at: "route", after: 9000 },
  { name: "route-none", at: "route" },
  { name: "settings", at: "settings", press: ["device-link", "sign-out"] },
  { name: "diagnostics", at: "diagnostics", press: ["examine", "show-log", "export"] },
  { name: "error", world: "error-no-service", after: 1000 },
  { name: "offline", world: "offline" },
];

const WIDTHS = [320, 768, 1280, 1920];

for (const scene of SCENES) {
  for (const lang of ["en", "ja"] as const) {
    for (const dark of [false, true]) {
      const look = `${lang}-${dark ? "dark" : "light"}`;
      test(`${scene.name} in ${look} fits every width and is accessible`, async ({ page }) => {
        await open(page, { ...scene, lang, dark });
        await pass(page, scene.after ?? 0);
        for (const id of scene.press ?? []) {
          await page.getByTestId(id).click();
          await pass(page, 4000);
        }
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 800 });
          expect(await sideways(page), `at ${width} px nothing is cut off or scrolls sideways`).toEqual([]);
          expect(await findings(page), `at ${width} px axe finds nothing serious`).toEqual([]);
          await page.screenshot({ path: `target/ui-screens/${scene.name}-${look}-${width}.png` });
        }
      });
    }
  }
}

/** What sticks out of the window to the right, or scrolls that way. */
async function sideways(page: import("@playwright/test").Page): Promise<string[]> {
  return page.evaluate(() => {
    const bad: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>("html, body, .page, main, .card, form")) {
      if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== "hidden")
        bad.push(element.outerHTML.slice(0, 80));
    }
    for (const element of document.querySelectorAll<HTMLElement>(
      "main button, main input, main p, main h1, main h2, main li",
    )) {
      const box = element.getBoundingClientRect();
      if (box.right > innerWidth + 1 && !element.closest(".hidden"))
        bad.push(`${box.right}: ${element.outerHTML.slice(0, 80)}`);
    }
    return bad;
  });
}
