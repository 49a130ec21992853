/** What the scheduler noted each minute: who waited, and what servers were there. */
import { html } from "../../common/html.js";
import { duration, size } from "../../common/texts.js";
import { words } from "../messages.js";
import { loaded, useResource } from "../resource.js";
import { Chart, COUNTS, stacked, stepsUpToNow } from "./chart.js";
import { LENGTHS, LOOK_MS } from "./periods.js";

/** @typedef {import("../../common/calls.js").Schemas["HistoryView"]["items"][number]} Step */
/** @typedef {import("./chart.js").Series} Series */
/** @typedef {{name: string, title: string, scale: import("./chart.js").Scale, series: (steps: (Step | undefined)[]) => Series[]}} Kind */

const DURATIONS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800];
const USUAL = 5; // the priority of jobs that name none
const PERCENT = { least: 100, steps: [25, 50, 100], said: (/** @type {number} */ value) => `${Math.round(value)} %` };

/**
 * The values of one series: none where nothing was noted.
 * @param {(Step | undefined)[]} steps
 * @param {(step: Step) => number | null} of
 */
const valuesOf = (steps, of) => steps.map((step) => (step ? of(step) : null));

/** @type {Kind[]} */
const KINDS = [
  { name: "waiting", title: words.waitingByPriority, scale: { ...COUNTS, said: rounded }, series: byPriority },
  {
    name: "oldest", title: words.oldest, scale: { least: 60, steps: DURATIONS, said: (value) => (value ? duration(value) : "0") },
    series: (steps) => [{ name: words.oldest, colour: "var(--warn)", values: valuesOf(steps, (step) => step.oldest_wait_s ?? 0) }],
  },
  {
    name: "slots", title: words.slots, scale: { ...COUNTS, said: rounded },
    series: (steps) => [
      { name: words.used, colour: "var(--accent)", values: valuesOf(steps, (step) => step.slots_used) },
      { name: words.usable, colour: "var(--text)", values: valuesOf(steps, (step) => step.slots), isLine: true },
    ],
  },
  {
    name: "busy", title: words.gpuShare, scale: PERCENT,
    series: (steps) => [{ name: words.busy, colour: "var(--accent)", values: valuesOf(steps, (step) => (step.servers ? (100 * step.servers_busy) / step.servers : null)) }],
  },
  {
    name: "stored", title: words.stored, scale: { least: 1000, said: size },
    series: (steps) => [{ name: words.stored, colour: "var(--line-strong)", values: valuesOf(steps, (step) => step.stored_bytes) }],
  },
];

/** @param {{period: import("./periods.js").Period}} props */
export function FleetCharts({ period }) {
  const history = useResource("/api/v1/history", { query: { period } }, LOOK_MS);
  return html`${KINDS.map((kind) => html`<section class="card chart" key=${kind.name} aria-labelledby="chart-${kind.name}"><h3 id="chart-${kind.name}">${kind.title}</h3>
    ${loaded(history, (data) => chartOf(kind, data, period))}
  </section>`)}`;
}

/**
 * @param {Kind} kind
 * @param {import("../../common/calls.js").Schemas["HistoryView"]} data
 * @param {import("./periods.js").Period} period
 */
function chartOf({ title, scale, series }, { items, step_s }, period) {
  if (!items.length) return html`<p class="empty soft">${words.nothingNoted}</p>`;
  const times = stepsUpToNow(LENGTHS[period], step_s);
  const noted = new Map(items.map((step) => [Date.parse(step.at) / 1000, step]));
  const drawn = series(times.map((time) => noted.get(time)));
  const known = drawn[0].values.filter((value) => value !== null);
  const said = scale.said ?? String;
  const label = words.chartOf(title, words.periods[period], said(known[known.length - 1] ?? 0), said(Math.max(0, ...known)));
  return html`<${Chart} key=${period} label=${label} times=${times} series=${drawn} isLong=${period === "month"} scale=${scale} />`;
}

/**
 * A part for each priority that somebody had, the highest on top.
 * @param {(Step | undefined)[]} steps
 */
function byPriority(steps) {
  const seen = new Set(steps.flatMap((step) => Object.keys(step?.waiting ?? {}).map(Number)));
  const priorities = seen.size ? [...seen].sort((one, other) => other - one) : [USUAL];
  const last = Math.max(1, priorities.length - 1);
  return stacked(priorities.map((priority, rank) => ({
    name: words.priority(priority),
    // The higher, the stronger.
    colour: `color-mix(in srgb, var(--accent) ${100 - Math.round((70 * rank) / last)}%, var(--surface))`,
    values: valuesOf(steps, (step) => step.waiting[priority] ?? 0),
  })));
}

/** @param {number} value */
function rounded(value) {
  return String(Math.round(value * 10) / 10);
}
