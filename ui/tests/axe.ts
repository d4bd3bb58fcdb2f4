import type { Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary?: string }[];
}

/** Serious and critical findings of axe by WCAG A and AA, in a line each. */
export default async function findings(page: Page): Promise<string[]> {
  const isThere = await page.evaluate(() => "axe" in globalThis);
  // By the debugger's door: the page's own rules let no foreign script in.
  if (!isThere) await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(where: Document, how: object): Promise<{ violations: Finding[] }> };
    };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    return (await axe.run(document, { runOnly: tags, resultTypes: ["violations"] })).violations;
  });
  const grave = found.filter((v) => v.impact === "serious" || v.impact === "critical");
  return grave.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary ?? ""}`),
  );
}
