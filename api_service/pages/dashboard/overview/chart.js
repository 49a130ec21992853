/** A chart over time, drawn by uPlot, in the colours of the page. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { html } from "../../common/html.js";
import { isDark } from "../../common/theme.js";

const USUAL_REM = 15; // pixels, of which the others are
const HEIGHT = 190;
const AXIS = 56;
const LETTERS = 12;
export const DAY_S = 86_400;

/**
 * @typedef {{name: string, colour: string, values: (number | null)[], shown?: (number | null)[], isLine?: boolean}} Series
 *   null draws nothing; `shown` is what the legend says, where that is not what is drawn; `colour` is CSS that may name variables
 * @typedef {{least: number, steps?: number[], said?: (value: number) => string}} Scale
 *   how high the axis is at least, between which numbers it has lines, and how a number is said
 */

/** Whole numbers of anything. @type {Scale} */
export const COUNTS = { least: 4, steps: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000] };

/** @param {{label: string, times: number[], series: Series[], isLong: boolean, scale: Scale}} props `times` in seconds; `isLong` is of days */
export function Chart({ label, times, series, isLong, scale }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const latest = useRef(series);
  latest.current = series;
  const data = /** @type {any} */ ([times, ...series.map(({ values }) => values)]);
  useEffect(() => {
    const into = /** @type {HTMLElement} */ (box.current);
    const made = new uPlot(optionsOf(into, latest, isLong, scale), data, into);
    const sized = new ResizeObserver(() => made.setSize({ width: into.clientWidth, height: scaled(HEIGHT) }));
    sized.observe(into);
    plot.current = made;
    return () => {
      sized.disconnect();
      made.destroy();
    };
  }, [series.map(({ name }) => name).join(), isLong, isDark()]);
  useEffect(() => plot.current?.setData(data), [JSON.stringify(data)]);
  return html`<div class="plot" ref=${box} role="img" aria-label=${label}></div>`;
}

/** As the letters of the page are, which are larger on a very wide screen. @param {number} pixels */
const scaled = (pixels) => Math.round((pixels * parseFloat(getComputedStyle(document.documentElement).fontSize)) / USUAL_REM);

/**
 * @param {HTMLElement} into
 * @param {{current: Series[]}} latest
 * @param {boolean} isLong
 * @param {Scale} scale
 */
function optionsOf(into, latest, isLong, { least, steps, said = String }) {
  // A canvas knows neither variables nor whether it is dark.
  const colour = (/** @type {string} */ css) => () => {
    into.style.color = css;
    const { color } = getComputedStyle(into);
    into.style.color = "";
    return color;
  };
  const paths = /** @type {any} */ (uPlot.paths);
  const line = { stroke: colour("var(--line)"), width: 1 };
  const axis = { stroke: colour("var(--soft)"), grid: line, ticks: line, font: `${scaled(LETTERS)}px sans-serif` };
  const range = (/** @type {any} */ _, /** @type {number} */ _least, /** @type {number} */ most) => /** @type {[number, number]} */ ([0, Math.max(least, most * 1.08)]);
  const dates = isLong ? { incrs: [1, 2, 5, 10].map((days) => days * DAY_S), values: [[DAY_S, "{MMM} {D}", null, null, null, null, null, null, 1]] } : { values: [[60, "{HH}:{mm}", null, null, null, null, null, null, 1]] };
  const seriesOf = (/** @type {Series} */ one, /** @type {number} */ index) => ({
    label: one.name, stroke: colour(one.colour), points: { show: false },
    ...(one.isLine ? { paths: paths.stepped({ align: 1 }), width: 2 } : { paths: paths.bars({ size: [0.85, 60] }), fill: colour(one.colour), width: 0 }),
    value: (/** @type {any} */ _, /** @type {any} */ drawn, /** @type {any} */ __, /** @type {number | null} */ at) => {
      const value = at === null ? null : (latest.current[index]?.shown?.[at] ?? drawn);
      return value === null || value === undefined ? "–" : said(value);
    },
  });
  return /** @type {any} */ ({
    width: into.clientWidth || 300,
    height: scaled(HEIGHT),
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range } },
    axes: [{ ...axis, ...dates }, { ...axis, size: scaled(AXIS), ...(steps && { incrs: steps }), values: (/** @type {any} */ _, /** @type {number[]} */ all) => all.map(said) }],
    series: [{ value: isLong ? "{MMM} {D}, {HH}:{mm}" : "{HH}:{mm}" }, ...latest.current.map(seriesOf)],
  });
}

/**
 * One on top of the other: each is drawn up to the sum, and those below are drawn over it.
 * @param {Series[]} series from the top down
 * @returns {Series[]}
 */
export function stacked(series) {
  return series.map((one, index) => ({
    ...one,
    shown: one.values,
    values: one.values.map((value, at) => (value === null ? null : series.slice(index).reduce((sum, { values }) => sum + (values[at] ?? 0), 0))),
  }));
}

/**
 * The beginnings of all steps up to now.
 * @param {number} length in seconds
 * @param {number} step in seconds
 */
export function stepsUpToNow(length, step) {
  const count = length / step;
  const last = Math.floor(Date.now() / 1000 / step) * step;
  return Array.from({ length: count }, (_, index) => last - (count - 1 - index) * step);
}
