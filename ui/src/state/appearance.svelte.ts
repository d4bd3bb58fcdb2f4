import { setLocale, type Locale } from "../i18n/index.svelte";
import type { Language, Theme } from "../ipc/host";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let systemDark = $state(dark.matches);
dark.addEventListener("change", () => (systemDark = dark.matches));

let shown = $state<"light" | "dark">("light");

/** What shows now: drawings on a canvas are made anew when it changes. */
export const theme = () => shown;

export function applyTheme(wanted: Theme) {
  const isDark = wanted === "dark" || (wanted === "auto" && systemDark);
  shown = isDark ? "dark" : "light";
  document.documentElement.dataset.theme = shown;
}

export function applyLanguage(language: Language, system: string) {
  const wanted = language === "auto" ? system : language;
  const locale: Locale = wanted.toLowerCase().startsWith("ja") ? "ja" : "en";
  setLocale(locale);
  document.documentElement.lang = locale;
}
