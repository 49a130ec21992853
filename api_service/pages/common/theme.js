/** Light or dark: as the system has it, until the user chooses. */
import { stored, store } from "./storage.js";

const KEY = "theme";

export function applyTheme() {
  const chosen = stored(KEY, "");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

export function otherTheme() {
  const root = document.documentElement;
  const dark = getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = dark ? "light" : "dark";
  store(KEY, root.dataset.theme);
}
