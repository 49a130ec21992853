/** For how long the user's jobs held GPUs, day by day. */
import { html } from "../../common/html.js";
import { words } from "../messages.js";
import { loaded, useResource } from "../resource.js";
import { Chart, DAY_S, stepsUpToNow } from "./chart.js";
import { LENGTHS, LOOK_MS } from "./periods.js";

const HOUR_S = 3_600;

export function GpuHours() {
  const times = stepsUpToNow(LENGTHS.month, DAY_S);
  const first = new Date(times[0] * 1000).toISOString().slice(0, 10);
  const usage = useResource("/api/v1/usage", { query: { first_day: first, group_by: ["day"] } }, LOOK_MS);
  return html`<section class="card chart" aria-labelledby="gpu-hours"><h3 id="gpu-hours">${words.gpuHours}</h3>
    ${loaded(usage, ({ items }) => {
      const used = new Map(items.map((row) => [Date.parse(`${row.day}T00:00:00Z`) / 1000, row.gpu_seconds / HOUR_S]));
      const values = times.map((time) => Math.round((used.get(time) ?? 0) * 100) / 100);
      const series = [{ name: words.hours, colour: "var(--accent)", values }];
      return html`<${Chart} label=${words.gpuHoursToday(values[values.length - 1])} times=${times} series=${series} isLong=${true} scale=${{ least: 1 }} />`;
    })}
  </section>`;
}
