import { expect, test } from "@playwright/test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { en } from "../src/i18n/en";
import { ja } from "../src/i18n/ja";
import { MockHost } from "../src/ipc/mock";
import { TauriHost } from "../src/ipc/tauri";

const SRC = join(import.meta.dirname, "../src");
const LONGEST = 600;
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .map((name) => join(SRC, name))
  .filter((path) => statSync(path).isFile());
const text = (path: string) => readFileSync(path, "utf8");
const named = (path: string) => relative(SRC, path);

test("only tauri.ts knows Tauri", () => {
  const importers = files.filter((f) => /from "@tauri-apps|import\("@tauri-apps/.test(text(f))).map(named);
  expect(importers).toEqual(["ipc/tauri.ts"]);
});

test("shared components know nothing of this program", () => {
  const foreign = files
    .filter((f) => named(f).startsWith("components/shared"))
    .filter((f) => /from "\.\.\//.test(text(f)))
    .map(named);
  expect(foreign).toEqual([]);
});

test("the real host and the scripted one can be asked the same", () => {
  const tauri = methods(new TauriHost());
  const mock = methods(new MockHost({}));
  expect(tauri.length).toBeGreaterThan(30);
  expect(tauri.filter((name) => !mock.includes(name))).toEqual([]);
  // What only the mock has, makes worlds: no view calls it.
  const calls = files
    .filter((f) => f.endsWith(".svelte"))
    .flatMap((f) => [...text(f).matchAll(/\bhost\.(\w+)/g)].map((m) => m[1]));
  expect([...new Set(calls)].filter((name) => !tauri.includes(name ?? ""))).toEqual([]);
});

function methods(host: object): string[] {
  const own = Object.keys(host);
  const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(host));
  return [...own, ...inherited].filter(
    (name) => typeof (host as Record<string, unknown>)[name] === "function" && name !== "constructor",
  );
}

test("every text is used", () => {
  const all = files
    .filter((f) => !/i18n\/(en|ja)\.ts$/.test(f))
    .map(text)
    .join("\n");
  // A key that is put together counts as all that begin and end so: `end.${reason}`.
  const patterns = [...all.matchAll(/`([a-z]\w*\.[^`]*\$\{[^`]*)`/gi)].map(
    (m) => new RegExp(`^${asPattern(m[1] ?? "")}$`),
  );
  const unused = Object.keys(en).filter(
    (key) => !all.includes(`"${key}"`) && !patterns.some((p) => p.test(key)),
  );
  expect(unused).toEqual([]);
});

const asPattern = (template: string) =>
  template
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replace(/[.*+?^$()|[\]\\]/g, "\\$&"))
    .join("[\\w.-]+");

test("every language fills in the same names", () => {
  const names = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
  // Of one thing the number may be left out.
  const needed = (key: string, s: string) => names(s).filter((n) => !(n === "n" && key.endsWith(".one")));
  for (const key of Object.keys(en) as (keyof typeof en)[])
    expect(needed(key, ja[key]), key).toEqual(needed(key, en[key]));
});

test("no text is left in English", () => {
  const same = Object.keys(en).filter((k) => ja[k as keyof typeof ja] === en[k as keyof typeof en]);
  expect(
    same.filter((k) => !/^(nav\.label|topic\.(ipv4|ipv6|nat)|language\.|net\.wifi|about\.)/.test(k)),
  ).toEqual([]);
});

test("files are short enough to hold in the head", () => {
  const long = files
    .filter((f) => text(f).split("\n").length > LONGEST && !f.endsWith("bindings.ts"))
    .map(named);
  expect(long).toEqual([]);
});

test("the page has no script and no style of its own in it", () => {
  const page = text(join(SRC, "../index.html"));
  expect(page).not.toMatch(/<style|\son\w+=|javascript:/i);
  expect([...page.matchAll(/<script[^>]*>([^<]*)<\/script>/g)].map((m) => m[1])).toEqual([""]);
});
