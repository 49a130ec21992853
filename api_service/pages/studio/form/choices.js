/** What can be chosen: models, styles, samplers and schedules of the servers that are there. */
import { signal } from "@preact/signals";
import { namesOf } from "../../common/models.js";
import { change, settings } from "./settings.js";

/** @type {import("@preact/signals").Signal<Record<"checkpoints" | "loras" | "samplers" | "schedulers", string[]>>} */
export const choices = signal({ checkpoints: [], loras: [], samplers: [], schedulers: [] });

let hasMore = false;

/** What nothing can be made without. */
export async function loadCheckpoints() {
  const checkpoints = await namesOf("checkpoints");
  choices.value = { ...choices.value, checkpoints };
  if (checkpoints.length && !checkpoints.includes(settings.value.checkpoint)) change({ checkpoint: checkpoints[0] });
}

/** What is asked for once somebody looks at more settings. */
export async function loadMore() {
  if (hasMore) return;
  hasMore = true;
  const [loras, samplers, schedulers] = await Promise.all([namesOf("loras"), namesOf("samplers"), namesOf("schedulers")]);
  choices.value = { ...choices.value, loras, samplers, schedulers };
}
