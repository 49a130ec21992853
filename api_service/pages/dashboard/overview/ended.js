/** How many jobs completed and failed, over time. */
import { html } from "../../common/html.js";
import { words } from "../messages.js";
import { loaded, useResource } from "../resource.js";
import { ofAll } from "../whose.js";
import { Chart, COUNTS, DAY_S, stacked, stepsUpToNow } from "./chart.js";
import { DAYS, LENGTHS, LOOK_MS } from "./periods.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */
/** @typedef {import("./periods.js").Period} Period */

/** @param {{hour: import("../resource.js").Resource<Schemas["OverviewView"]>, period: Period}} props */
export function Ended({ hour, period }) {
  const days = useResource("/api/v1/generation-jobs/stats", period === "month" ? ofAll({ days: DAYS }) : null, LOOK_MS);
  const day = useResource("/api/v1/overview", period === "day" ? ofAll({ period }) : null, LOOK_MS);
  return html`<section class="card chart" aria-labelledby="ended"><h3 id="ended">${words.ended}</h3>
    ${period === "month" ? loaded(days, (data) => chartOf(countsOfDays(data), DAY_S, period)) : loaded(period === "day" ? day : hour, (data) => chartOf(countsOfSteps(data), data.step_s, period))}
  </section>`;
}

/** @typedef {Map<number, {completed?: number, failed?: number}>} Counts by when they begin, in seconds */

/** @param {Schemas["StatisticsView"]} data @returns {Counts} */
const countsOfDays = ({ days }) => new Map(days.map((one) => [Date.parse(`${one.day}T00:00:00Z`) / 1000, one.jobs]));
/** @param {Schemas["OverviewView"]} data @returns {Counts} */
const countsOfSteps = ({ ended }) => new Map(ended.map((one) => [Date.parse(one.at) / 1000, one]));

/**
 * Every step of the period, also those in which nothing ended.
 * @param {Counts} counts
 * @param {number} step
 * @param {Period} period
 */
function chartOf(counts, step, period) {
  const times = stepsUpToNow(LENGTHS[period], step);
  const of = (/** @type {"completed" | "failed"} */ end) => times.map((time) => counts.get(time)?.[end] ?? 0);
  const [completed, failed] = [of("completed"), of("failed")];
  const sum = (/** @type {number[]} */ all) => all.reduce((total, one) => total + one, 0);
  const series = stacked([{ name: words.completed, colour: "var(--good)", values: completed }, { name: words.failed, colour: "var(--bad)", values: failed }]);
  return html`<${Chart} key=${period} label=${words.chart(sum(completed), sum(failed), words.periods[period])} times=${times} series=${series} isLong=${period === "month"} scale=${COUNTS} />`;
}
