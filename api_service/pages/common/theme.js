/** Light or dark: as the system has it, until the user chooses. */
import { signal } from "@preact/signals";
import { stored, store } from "./storage.js";

const KEY = "theme";
const system = globalThis.matchMedia?.("(prefers-color-scheme: dark)");

/** "" as long as the system says it. */
const chosen = signal("");
const isSystemDark = signal(Boolean(system?.matches));
system?.addEventListener("change", ({ matches }) => (isSystemDark.value = matches));

/** Whether the page is dark now, for what is drawn and does not follow by itself. */
export const isDark = () => (chosen.value ? chosen.value === "dark" : isSystemDark.value);

export function applyTheme() {
  choose(stored(KEY, ""));
}

export function otherTheme() {
  choose(isDark() ? "light" : "dark");
  store(KEY, chosen.value);
}

/** @param {string} theme */
function choose(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  chosen.value = theme;
}
