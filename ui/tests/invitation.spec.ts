import { expect, open, pass, test } from "./world";

const INVITATION = "legato://invite/AbCdEfGhIjKl";

test("the invitation that the program was started with is filled in, and makes an account", async ({
  page,
}) => {
  await open(page, { world: "invited" });
  await expect(page.getByTestId("invitation")).toHaveValue(INVITATION);
  await page.getByTestId("account").fill("dora");
  await page.getByTestId("password").fill("correct horse battery staple");
  await page.getByTestId("submit").click();
  await pass(page, 2000);
  await expect(page.getByRole("combobox"), "the dialler is not for invitations").toHaveValue("");
});

test("links that come while the sign-in is open fill it: an invitation, then a server", async ({ page }) => {
  await open(page, { world: "invited-late" });
  await expect(page.getByTestId("invitation")).toHaveValue("");
  await pass(page, 300);
  await expect(page.getByTestId("invitation")).toHaveValue(INVITATION);
  await page.getByTestId("account").fill("dora");
  await pass(page, 300);
  await expect(page.getByTestId("server")).toHaveValue("legato://server/AbCdEf");
  await expect(page.getByTestId("account"), "what was typed stays").toHaveValue("dora");
});

test("the same invitation may come again", async ({ page }) => {
  await open(page, { world: "invited" });
  await expect(page.getByTestId("invitation")).toHaveValue(INVITATION);
  await page.getByTestId("invitation").fill("");
  await pass(page, 10_000);
  await expect(page.getByTestId("invitation")).toHaveValue(INVITATION);
});

test("an invitation for somebody who is signed in says what to do", async ({ page }) => {
  await open(page, { world: "invited-in-vain" });
  const problem = page.getByTestId("problem");
  await expect(problem).toHaveText("Somebody is signed in here already. Sign out first.");
  await expect(page.getByRole("combobox")).toHaveValue("");
});
