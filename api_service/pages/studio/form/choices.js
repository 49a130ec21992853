/** What can be chosen: models, styles, samplers and schedules of the servers that are there. */
import { signal } from "@preact/signals";
import { namesOf } from "../../common/models.js";
import { change, settings } from "./settings.js";

/** @type {import("@preact/signals").Signal<Record<"checkpoints" | "loras" | "samplers" | "schedulers", string[]>>} */
export const choices = signal({ checkpoints: [], loras: [], samplers: [], schedulers: [] });

let hasMore = false;
const AGAIN_MS = 10_000;

/** What nothing can be made without. Where there is none, somebody may give one to a server, or start one. */
export async function loadCheckpoints() {
  const checkpoints = await namesOf("checkpoints");
  choices.value = { ...choices.value, checkpoints };
  if (checkpoints.length && !checkpoints.includes(settings.value.checkpoint)) change({ checkpoint: checkpoints[0] });
  if (!checkpoints.length) setTimeout(() => void loadCheckpoints(), AGAIN_MS);
}

/** What is asked for once somebody looks at more settings. */
export async function loadMore() {
  if (hasMore) return;
  hasMore = true;
  const [loras, samplers, schedulers] = await Promise.all([namesOf("loras"), namesOf("samplers"), namesOf("schedulers")]);
  choices.value = { ...choices.value, loras, samplers, schedulers };
}
