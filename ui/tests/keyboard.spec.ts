import { expect, open, pass, tabTo, test } from "./world";

test("somebody signs up with the keyboard alone", async ({ page }) => {
  await open(page, { world: "signed-out" });
  for (const [id, text] of [
    ["invitation", "legato://invite/example.org/K7Q2"],
    ["account", "alice"],
    ["password", "correct horse battery"],
  ] as const) {
    await tabTo(page, id);
    await page.keyboard.type(text);
  }
  await page.keyboard.press("Enter");
  await pass(page, 500);
  await expect(page.getByRole("heading", { name: "Connecting" })).toBeVisible();
  await pass(page, 2000);
  await expect(page.getByTestId("nav-people")).toBeVisible();
});

test("somebody calls by name, talks and hangs up with the keyboard alone", async ({ page }) => {
  await open(page);
  await tabTo(page, "dialler");
  await page.keyboard.type("bo");
  await expect(page.getByRole("option", { name: /bob@example\.org/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("combobox")).toHaveAttribute("aria-activedescendant", "dial-0");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "calling");
  await pass(page, 3000);
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "talking");
  await tabTo(page, "mute");
  await page.keyboard.press("Space");
  await expect(page.getByTestId("mute")).toHaveAttribute("aria-pressed", "true");
  await tabTo(page, "hang-up");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "ended");
  await tabTo(page, "done");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("call")).toHaveCount(0);
});

test("a whole address that nobody knows yet is dialled as it is written", async ({ page }) => {
  await open(page);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("nobody@nowhere.example");
  await page.keyboard.press("Enter");
  await pass(page, 1500);
  await expect(page.getByText("Nobody is called that.").first()).toBeVisible();
});

test("somebody answers and hangs up by shortcuts, wherever they are", async ({ page }) => {
  await open(page, { world: "incoming", at: "settings" });
  await pass(page, 500);
  await expect(page.getByTestId("incoming")).toBeVisible();
  await page.keyboard.press("Control+Enter");
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "talking");
  await page.keyboard.press("Control+Shift+M");
  await expect(page.getByTestId("mute")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("Control+Shift+E");
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "ended");
});

test("a call that comes in asks without taking the keyboard away from what is written", async ({ page }) => {
  await open(page, { world: "incoming", at: "people/bob@example.org" });
  await page.getByTestId("draft").focus();
  await page.keyboard.type("half a sen");
  await pass(page, 1000);
  await expect(page.getByTestId("incoming")).toBeVisible();
  await page.keyboard.type("tence");
  await expect(page.getByTestId("draft")).toHaveValue("half a sentence");
  await tabTo(page, "decline");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("incoming")).toHaveCount(0);
});

test("settings are changed with the keyboard alone", async ({ page }) => {
  await open(page);
  await page.keyboard.press("Control+4");
  const noise = page.getByRole("switch", { name: /steady noise/ });
  await noise.focus();
  await page.keyboard.press("Space");
  await expect(noise).not.toBeChecked();
  await page.getByRole("radio", { name: "Dark" }).focus();
  await page.keyboard.press("Space");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("radio", { name: "日本語" }).focus();
  await page.keyboard.press("Space");
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  await expect(page.getByRole("heading", { name: "設定" })).toBeVisible();
});

test("the five views are reached by their keys, and Back leads back", async ({ page }) => {
  await open(page);
  for (const [key, view] of [
    ["2", "call"],
    ["3", "route"],
    ["4", "settings"],
    ["5", "diagnostics"],
    ["1", "people"],
  ] as const) {
    await page.keyboard.press(`Control+${key}`);
    await expect(page.getByTestId(`nav-${view}`)).toHaveAttribute("aria-current", "page");
  }
  await page.goBack();
  await expect(page.getByTestId("nav-diagnostics")).toHaveAttribute("aria-current", "page");
});
