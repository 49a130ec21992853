/** How many jobs completed and failed, over time. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { html } from "../../common/html.js";
import { words } from "../messages.js";
import { Loaded, useResource } from "../resource.js";
import { ofAll } from "../whose.js";

const HEIGHT = 240;
const DAYS = 30;
const DAY_S = 86_400;
const MINUTE_MS = 60_000;
const FAST_MS = 5_000;

/** @typedef {"hour" | "day" | "month"} Period */
/** @type {Record<Period, number>} in seconds */
const LENGTHS = { hour: 3_600, day: DAY_S, month: DAYS * DAY_S };

export function Ended() {
  const [period, choose] = useState(/** @type {Period} */ ("hour"));
  const path = period === "month" ? ofAll("api/v1/generation-jobs/stats", { days: String(DAYS) }) : ofAll("api/v1/overview", { period });
  const resource = useResource(path, period === "hour" ? FAST_MS : MINUTE_MS);
  const names = /** @type {Period[]} */ (Object.keys(LENGTHS));
  return html`<section class="card chart" aria-label=${words.ended}>
    <div class="row"><h2 class="grow">${words.ended}</h2>
      <div class="row periods" role="group" aria-label=${words.period}>
        ${names.map((name) => html`<button class="chip" aria-pressed=${name === period} onClick=${() => choose(name)}>${words.periods[name]}</button>`)}
      </div></div>
    <div class="plotted"><${Loaded} of=${resource}>${(/** @type {any} */ data) => html`<${Plot} key=${period} period=${period} data=${data} />`}<//></div>
  </section>`;
}

/** @param {{period: Period, data: any}} props */
function Plot({ period, data }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const series = seriesOf(data, period);
  useEffect(() => {
    const into = /** @type {HTMLElement} */ (box.current);
    const made = new uPlot(optionsOf(into, period), series, into);
    const sized = new ResizeObserver(() => made.setSize({ width: into.clientWidth, height: HEIGHT }));
    sized.observe(into);
    plot.current = made;
    return () => {
      sized.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(series), [data]);
  const sum = (/** @type {(number | null)[]} */ of) => of.reduce((/** @type {number} */ all, one) => all + (one ?? 0), 0);
  return html`<div ref=${box} role="img" aria-label=${words.chart(sum(series[1]), sum(series[2]), words.periods[period])}></div>`;
}

/**
 * Every step of the period, also those in which nothing ended.
 * @param {any} data the overview, or the statistics of days
 * @param {Period} period
 * @returns {[number[], (number | null)[], (number | null)[]]} when, done, failed; null for none, which draws no bar
 */
export function seriesOf(data, period) {
  const step = period === "month" ? DAY_S : data.step_s;
  /** @type {Map<number, {completed?: number, failed?: number}>} */
  const counts = new Map(period === "month"
    ? data.days.map((/** @type {any} */ one) => [Date.parse(`${one.day}T00:00:00Z`) / 1000, one.jobs])
    : data.ended.map((/** @type {any} */ one) => [Date.parse(one.at) / 1000, one]));
  const last = Math.floor(Date.now() / 1000 / step) * step;
  const times = Array.from({ length: LENGTHS[period] / step }, (_, index) => last - (LENGTHS[period] / step - 1 - index) * step);
  return [times, times.map((time) => counts.get(time)?.completed || null), times.map((time) => counts.get(time)?.failed || null)];
}

/**
 * @param {HTMLElement} into
 * @param {Period} period
 */
function optionsOf(into, period) {
  const colour = (/** @type {string} */ name) => () => getComputedStyle(into).getPropertyValue(name).trim();
  const bars = /** @type {any} */ (uPlot.paths).bars({ size: [0.8, 60] });
  const line = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--soft"), grid: line, ticks: line, font: "12px sans-serif" };
  return {
    width: into.clientWidth || 300, height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (/** @type {any} */ _, /** @type {number} */ _least, /** @type {number} */ most) => /** @type {[number, number]} */ ([0, Math.max(4, Math.ceil(most * 1.1))]) } },
    axes: [{ ...axis, values: period === "month" ? [[DAY_S, "{MMM} {D}", null, null, null, null, null, null, 1]] : [[60, "{HH}:{mm}", null, null, null, null, null, null, 1]] }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000] }],
    series: [
      { value: period === "month" ? "{YYYY}-{MM}-{DD}" : "{HH}:{mm}" },
      { label: words.completed, stroke: colour("--good"), fill: colour("--good"), paths: bars, points: { show: false } },
      { label: words.failed, stroke: colour("--bad"), fill: colour("--bad"), paths: bars, points: { show: false } },
    ],
  };
}
