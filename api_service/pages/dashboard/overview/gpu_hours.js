/** How much of the time that the slots of all servers offered was used, day by day. */
import { html } from "../../common/html.js";
import { words } from "../messages.js";
import { loaded, useResource } from "../resource.js";
import { Bars, DAY_S, stepsUpToNow } from "./bars.js";

const DAYS = 30;
const HOUR_S = 3_600;
const LOOK_MS = 60_000;

/** @param {{slots: number | null}} props of all servers; null where the user does not see them: then hours are shown */
export function GpuShare({ slots }) {
  const times = stepsUpToNow(DAYS, DAY_S);
  const first = new Date(times[0] * 1000).toISOString().slice(0, 10);
  const usage = useResource("/api/v1/usage", { query: { first_day: first, group_by: ["day"], ...(slots !== null && { user_id: "all" }) } }, LOOK_MS);
  const title = slots === null ? words.gpuHours : words.gpuShare;
  return html`<section class="card chart" aria-label=${title}><h2>${title}</h2>
    <div class="plotted">${loaded(usage, ({ items }) => {
      const used = new Map(items.map((row) => [Date.parse(`${row.day}T00:00:00Z`) / 1000, row.gpu_seconds]));
      const values = times.map((time) => shown(used.get(time) ?? 0, time, slots));
      const today = values[values.length - 1] ?? 0;
      return html`<${Bars} label=${slots === null ? words.gpuHoursToday(today) : words.gpuShareToday(today)} times=${times} isDaily=${true} least=${slots === null ? 1 : 100}
        series=${[{ name: slots === null ? words.hours : words.percent, colour: "--accent", values }]} />`;
    })}</div>
  </section>`;
}

/**
 * @param {number} seconds that were used
 * @param {number} day when it began
 * @param {number | null} slots
 * @returns {number | null} hours, or of the seconds that there were so far, per cent; null is no bar
 */
function shown(seconds, day, slots) {
  if (!seconds) return null;
  if (slots === null) return round(seconds / HOUR_S);
  const passed = Math.min(DAY_S, Math.max(60, Date.now() / 1000 - day));
  return slots ? Math.min(100, round((100 * seconds) / (passed * slots))) : null;
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;
