/** How many jobs completed and failed, over time. */
import { useState } from "preact/hooks";
import { html } from "../../common/html.js";
import { words } from "../messages.js";
import { loaded, useResource } from "../resource.js";
import { ofAll } from "../whose.js";
import { Bars, DAY_S, stepsUpToNow } from "./bars.js";

const DAYS = 30;
const MINUTE_MS = 60_000;

/** @typedef {import("../../common/calls.js").Schemas} Schemas */
/** @typedef {"hour" | "day" | "month"} Period */
/** @type {Record<Period, number>} in seconds */
const LENGTHS = { hour: 3_600, day: DAY_S, month: DAYS * DAY_S };

/** @param {{hour: import("../resource.js").Resource<Schemas["OverviewView"]>}} props what is asked for in any case */
export function Ended({ hour }) {
  const [period, choose] = useState(/** @type {Period} */ ("hour"));
  const days = useResource("/api/v1/generation-jobs/stats", period === "month" ? ofAll({ days: DAYS }) : null, MINUTE_MS);
  const day = useResource("/api/v1/overview", period === "day" ? ofAll({ period }) : null, MINUTE_MS);
  const names = /** @type {Period[]} */ (Object.keys(LENGTHS));
  return html`<section class="card chart" aria-label=${words.ended}>
    <div class="row"><h2 class="grow">${words.ended}</h2>
      <div class="row periods" role="group" aria-label=${words.period}>
        ${names.map((name) => html`<button class="chip" aria-pressed=${name === period} onClick=${() => choose(name)}>${words.periods[name]}</button>`)}
      </div></div>
    <div class="plotted">${period === "month" ? loaded(days, (data) => chartOf(countsOfDays(data), DAY_S, period)) : loaded(period === "day" ? day : hour, (data) => chartOf(countsOfSteps(data), data.step_s, period))}</div>
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
  const times = stepsUpToNow(LENGTHS[period] / step, step);
  const of = (/** @type {"completed" | "failed"} */ end) => times.map((time) => counts.get(time)?.[end] || null);
  const [completed, failed] = [of("completed"), of("failed")];
  const sum = (/** @type {(number | null)[]} */ all) => all.reduce((/** @type {number} */ total, one) => total + (one ?? 0), 0);
  const series = [{ name: words.completed, colour: "--good", values: completed }, { name: words.failed, colour: "--bad", values: failed }];
  return html`<${Bars} key=${period} label=${words.chart(sum(completed), sum(failed), words.periods[period])} times=${times} series=${series} isDaily=${period === "month"} least=${4} />`;
}
