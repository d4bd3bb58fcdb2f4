import { en } from "../src/i18n/en";
import { expect, open, pass, test } from "./world";

const keys = Object.keys(en) as (keyof typeof en)[];
const errors = keys.filter((k) => k.startsWith("error.")).map((k) => k.slice("error.".length));
const reasons = [...new Set(keys.filter((k) => k.startsWith("end.")).map((k) => k.split(".")[1]))];

for (const code of errors) {
  test(`the error ${code} is told in words, and can be put away`, async ({ page }) => {
    await open(page, { world: `error-${code}` });
    await pass(page, 500);
    const problem = page.getByTestId("problem");
    await expect(problem).toHaveAttribute("data-code", code);
    await expect(problem).toHaveText(en[`error.${code}` as "error.other"]);
    await page.getByRole("button", { name: "Dismiss" }).click();
    await expect(problem).toHaveCount(0);
    await page.getByRole("button", { name: "Call Bob" }).click();
    await expect(problem, "what is refused says so").toBeVisible();
  });
}

for (const reason of reasons) {
  test(`a call that ends by ${reason} says why`, async ({ page }) => {
    await open(page, { world: `ended-${reason}`, at: "call" });
    await pass(page, 1000);
    const key = [`end.${reason}.out`, `end.${reason}`].find((k) => k in en) as "end.busy";
    await expect(page.getByTestId("call")).toContainText(en[key].replaceAll("{name}", "Bob"));
  });
}

test("a code that the window does not know shows the program's own words", async ({ page }) => {
  await open(page, { world: "error-brand-new" });
  await pass(page, 500);
  await expect(page.getByRole("alert").last()).toContainText("the program says: brand-new");
});
