import { expect, open, pass, test } from "./world";

test("a hand-over is told in words, on the call, on the route, and to those who listen", async ({ page }) => {
  await open(page, { world: "handovers", at: "call" });
  await expect(page.getByTestId("move")).toHaveCount(0);
  await pass(page, 10_500);
  await expect(page.getByTestId("move")).toContainText("Wi-Fi → cellular, 84 ms, nothing lost");
  await expect(page.getByTestId("moved")).toHaveText("Wi-Fi → cellular: 84 ms, nothing lost");
  await expect(page.getByTestId("moved")).toHaveRole("status");
  await page.getByTestId("nav-route").click();
  await pass(page, 10_000);
  await expect(page.getByTestId("handover")).toHaveCount(2);
  await expect(page.getByTestId("handover").first()).toContainText("cellular → Wi-Fi");
  await page.getByTestId("handover").first().getByText("Details").click();
  await expect(page.getByTestId("handover").first()).toContainText("after 61 ms");
});

test("the route shows at once which path is in use", async ({ page }) => {
  await open(page, { world: "handovers", at: "route" });
  await pass(page, 9000);
  const inUse = page.locator('[data-testid=path][data-state="in_use"]');
  await expect(inUse).toContainText("Wi-Fi, direct");
  await pass(page, 1100);
  await expect(inUse).toContainText("cellular, by rs1");
  await pass(page, 1100);
  await expect(inUse).toContainText("cellular, direct");
});

test("an outage of eight seconds opens nothing, ends nothing, and is over by itself", async ({ page }) => {
  await open(page, { world: "outage", at: "call" });
  await pass(page, 6200);
  await expect(page.getByTestId("gap")).toContainText("Switching network");
  await pass(page, 3000);
  await expect(page.getByTestId("gap")).toContainText("No network at the moment");
  await expect(page.getByTestId("call-state")).toHaveText("No network at the moment");
  await expect(page.locator("dialog, [role=dialog], [role=alertdialog]")).toHaveCount(0);
  await expect(page.getByTestId("problem")).toHaveCount(0);
  await pass(page, 5000);
  await expect(page.getByTestId("gap")).toHaveCount(0);
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "talking");
  await expect(page.getByTestId("move")).toContainText("7 s of speech lost, 50 packets sent again");
});

test("who is called on hold is held, and the other call is a press away", async ({ page }) => {
  await open(page, { world: "incoming-over", at: "call" });
  await pass(page, 2000);
  await page.getByTestId("accept").click();
  await expect(page.getByRole("heading", { name: "Carol Lindqvist" })).toBeVisible();
  await page.getByRole("button", { name: "Switch to this call" }).click();
  await expect(page.getByRole("heading", { name: "Bob" })).toBeVisible();
});

test("push to talk opens the microphone only while the button is down", async ({ page }) => {
  await open(page, { world: "call", at: "settings" });
  await page.getByRole("switch", { name: /Push to talk/ }).check();
  await page.getByTestId("nav-call").click();
  await page.getByTestId("ptt").focus();
  await page.keyboard.down("Space");
  await expect(page.getByTestId("ptt")).toContainText("You are heard");
  await expect(page.getByTestId("mute")).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.up("Space");
  await expect(page.getByTestId("mute")).toHaveAttribute("aria-pressed", "true");
});

test("a recording says so, and when it ends, where it went", async ({ page }) => {
  await open(page, { world: "call", at: "call" });
  const written = page.getByText("The recording is in ~/Music/Legato/2026-11-29 14-04 bob.wav");
  const hint = page.getByText("Recording; the other side hears a tone now and then");
  await page.getByTestId("record").click();
  await expect(hint).toBeVisible();
  await expect(written).toHaveCount(0);
  await page.getByTestId("record").click();
  await expect(written).toBeVisible();
  await expect(hint).toHaveCount(0);
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(written).toHaveCount(0);
  await page.getByTestId("record").click();
  await page.getByTestId("hang-up").click();
  await expect(written, "the end of the call ends it").toBeVisible();
});

test("what somebody writes is counted until it is looked at, in a call and beside it", async ({ page }) => {
  await open(page, { world: "written", at: "call" });
  await pass(page, 1000);
  await expect(page.getByTestId("nav-people")).toContainText("6");
  await page.getByRole("button", { name: "Text, 1 new text" }).click();
  await expect(page.getByRole("log")).toContainText("Platform 4");
  await expect(page.getByRole("button", { name: "Text", exact: true })).toBeVisible();
  await page.getByTestId("nav-people").click();
  const carol = page.locator('[data-testid="person"][data-name="carol@example.org"]');
  await expect(carol.getByLabel("2 new texts")).toBeVisible();
  await carol.click();
  await expect(page.getByRole("log")).toContainText("At one?");
  await page.locator('[data-testid="person"][data-name="zoe@two.example"]').click();
  await expect(page.getByRole("log"), "strangers are read as well").toContainText("You don't know me");
  await expect(page.getByTestId("unread")).toHaveCount(0);
});

test("the key that is held when its view goes is let go", async ({ page }) => {
  await open(page, { world: "call", at: "settings" });
  await page.getByRole("switch", { name: "Push to talk" }).click();
  await page.getByTestId("nav-call").click();
  await page.getByTestId("ptt").hover();
  await page.mouse.down();
  await expect(page.getByRole("button", { name: "Mute", exact: true })).toBeVisible();
  await page.keyboard.press("Control+1");
  await page.keyboard.press("Control+2");
  await expect(page.getByRole("button", { name: "Unmute" })).toBeVisible();
});

test("every door and relay that was examined has a line, and the lines stay", async ({ page }) => {
  await open(page, { at: "diagnostics" });
  await page.getByTestId("examine").click();
  await pass(page, 12_000);
  await expect(page.getByTestId("doctor-line")).toHaveCount(11);
  await expect(page.getByTestId("doctor-line").filter({ hasText: "203.0.113.5" })).toHaveCount(2);
  await page.getByTestId("nav-people").click();
  await page.getByTestId("nav-diagnostics").click();
  await expect(page.getByTestId("doctor-line")).toHaveCount(11);
});

test("who waits for servers sees why, may leave, and is not alarmed when they answer", async ({ page }) => {
  await open(page, { world: "unanswered" });
  await pass(page, 1000);
  await expect(page.getByTestId("problem")).toHaveAttribute("data-code", "no-service");
  await expect(page.getByTestId("sign-out")).toBeVisible();
  await pass(page, 60_000);
  await expect(page.getByTestId("nav-people")).toBeVisible();
  await expect(page.getByTestId("problem")).toHaveCount(0);
});

test("a link is called, and not whoever was looked for before", async ({ page }) => {
  await open(page, { world: "link" });
  await page.getByRole("combobox").fill("bo");
  await page.getByRole("combobox").press("ArrowDown");
  await pass(page, 1000);
  await expect(page.getByRole("combobox")).toHaveValue("carol@example.org");
  await page.getByRole("combobox").press("Enter");
  await expect(page.getByTestId("call")).toContainText("carol@example.org");
});

test("a call that ended is in the history with what it cost", async ({ page }) => {
  await open(page, { world: "handovers", at: "call" });
  await pass(page, 11_000);
  await page.getByTestId("hang-up").click();
  await page.getByTestId("done").click();
  await page.getByRole("radio", { name: "Calls (2 missed)" }).click();
  const first = page.getByTestId("person").first();
  await expect(first).toContainText("1:23, 1 hand-over, nothing lost");
  await expect(page.getByText("Calls (2 missed)"), "who looks at them has seen them").toHaveCount(0);
});

test("a link asks, and calls nobody by itself", async ({ page }) => {
  await open(page, { world: "link", at: "settings" });
  await pass(page, 2000);
  await expect(page.getByRole("combobox")).toHaveValue("carol@example.org");
  await expect(page.getByText("A link asks to call carol@example.org.")).toBeVisible();
  await expect(page.getByTestId("bar")).toHaveCount(0);
  await page.getByTestId("dial").click();
  await expect(page.getByTestId("call")).toHaveAttribute("data-state", "calling");
});

test("a text is sent, and says whether it arrived", async ({ page }) => {
  await open(page, { at: "people/bob@example.org" });
  await page.getByTestId("draft").fill("On the platform now");
  await page.getByTestId("send").click();
  await expect(page.getByRole("log")).toContainText("on its way");
  await pass(page, 1000);
  await expect(page.getByRole("log")).not.toContainText("on its way");
});
