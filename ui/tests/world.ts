import { test as base, expect, type Page } from "@playwright/test";

export { expect };

/** A test that fails when the page complains: of its own code, or of what its rules (CSP) keep out. */
export const test = base.extend<{ complaints: string[] }>({
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
      page.on("pageerror", (e) => complaints.push(e.message));
      page.on("dialog", (d) => complaints.push(`a dialog: ${d.message()}`));
      await use(complaints);
      expect(complaints, "the page complained").toEqual([]);
    },
    { auto: true },
  ],
});

export interface World {
  /** A name of `src/ipc/mock/worlds.ts`. */
  world?: string;
  lang?: "en" | "ja";
  dark?: boolean;
  /** Where in the window: `settings`, `people/bob@example.org`. */
  at?: string;
  width?: number;
}

const HEIGHT = 800;

/** Opens a scripted world whose clock stands still. */
export async function open(page: Page, w: World = {}) {
  const { world = "full", lang = "en", dark = false, at = "people", width = 1280 } = w;
  await page.setViewportSize({ width, height: HEIGHT });
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
  await page.goto(`/?world=${world}&lang=${lang}&clock=manual#/${at}`);
  await expect(page.locator("main")).toBeVisible();
}

type Advance = { legatoAdvance(ms: number): void };
const STEP_MS = 1000;

/** Lets so much of the world's time pass, in steps, so that what waits for something sees it come. */
export async function pass(page: Page, ms: number) {
  for (let left = ms; left > 0; left -= STEP_MS) {
    await page.evaluate(
      (step) => (globalThis as unknown as Advance).legatoAdvance(step),
      Math.min(STEP_MS, left),
    );
    await page.evaluate(() => new Promise((go) => setTimeout(go)));
  }
}

/** Presses Tab until something with this test id has the keyboard; every stop on the way must be visible as such. */
export async function tabTo(page: Page, id: string) {
  const MOST = 80;
  for (let i = 0; i < MOST; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(focused);
    expect(at.isMarked, `where the keyboard is can be seen (${at.html})`).toBe(true);
    if (at.id === id) return;
  }
  throw new Error(`${id} is not reached by Tab`);
}

function focused() {
  const element = document.activeElement as HTMLElement;
  const id = element.dataset.testid ?? element.id;
  // Some things are marked beside or around the element that has the keyboard.
  const near = [element, element.parentElement, element.nextElementSibling].filter((e) => e !== null);
  const isMarked = near.some((e) => {
    const style = getComputedStyle(e);
    return (
      (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) ||
      style.boxShadow.includes("0px 0px 0px 2px")
    );
  });
  return { id, isMarked: isMarked || element === document.body, html: element.outerHTML.slice(0, 120) };
}
