/** Light or dark: as the system has it, until the user chooses. */
import { stored, store } from "./storage.js";

const KEY = "theme";

export function applyTheme() {
  const chosen = stored(KEY, "");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

export function otherTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  store(KEY, root.dataset.theme);
}
