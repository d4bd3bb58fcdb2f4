import { en, type Key } from "./en";
import { ja } from "./ja";

export type { Key };
export type Locale = "en" | "ja";

/** The `{names}` in a text. */
type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Text<K extends Key> = (typeof en)[K];
type Args<K extends Key> = K extends Key
  ? [Names<Text<K>>] extends [never]
    ? []
    : [Record<Names<Text<K>>, string | number>]
  : never;

const TEXTS: Record<Locale, Record<Key, string>> = { en, ja };

let chosen = $state<Locale>("en");

export const locale = () => chosen;

export function setLocale(to: Locale) {
  chosen = to;
}

/** The text of a key in the chosen language; texts with `{names}` want a value for each. */
export function t<K extends Key>(key: K, ...args: Args<K>): string {
  const values: Record<string, string | number> = args[0] ?? {};
  return TEXTS[chosen][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export function isKey(text: string): text is Key {
  return text in en;
}
