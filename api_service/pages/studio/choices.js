/** What can be chosen: models, styles, samplers and schedules of the servers that are there. */
import { signal } from "@preact/signals";
import { get } from "../common/api.js";
import { change, settings } from "./settings.js";

/** @type {import("@preact/signals").Signal<Record<"checkpoints" | "loras" | "samplers" | "schedulers", string[]>>} */
export const choices = signal({ checkpoints: [], loras: [], samplers: [], schedulers: [] });

export async function loadChoices() {
  const kinds = /** @type {const} */ (["checkpoints", "loras", "samplers", "schedulers"]);
  const found = await Promise.all(kinds.map(namesOf));
  choices.value = /** @type {any} */ (Object.fromEntries(kinds.map((kind, index) => [kind, found[index]])));
  const { checkpoints } = choices.value;
  if (checkpoints.length && !checkpoints.includes(settings.value.checkpoint)) change({ checkpoint: checkpoints[0] });
}

/** @param {string} kind */
async function namesOf(kind) {
  const { items } = await get(`api/v1/models/${kind}`).catch(() => ({ items: [] }));
  return items.map((/** @type {{name: string}} */ one) => one.name);
}
