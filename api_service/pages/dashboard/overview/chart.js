/** A chart of bars over time, drawn by uPlot, in the colours of the page. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { html } from "../../common/html.js";

const HEIGHT = 240;
export const DAY_S = 86_400;

/**
 * @typedef {{name: string, colour: string, values: (number | null)[]}} Series null draws no bar
 */

/**
 * @param {{label: string, times: number[], series: Series[], isDaily: boolean, least: number}} props
 *   `times` in seconds; `least` is how high the axis is at least
 */
export function Bars({ label, times, series, isDaily, least }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const data = /** @type {any} */ ([times, ...series.map(({ values }) => values)]);
  useEffect(() => {
    const into = /** @type {HTMLElement} */ (box.current);
    const made = new uPlot(optionsOf(into, series, isDaily, least), data, into);
    const sized = new ResizeObserver(() => made.setSize({ width: into.clientWidth, height: HEIGHT }));
    sized.observe(into);
    plot.current = made;
    return () => {
      sized.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [JSON.stringify(data)]);
  return html`<div ref=${box} role="img" aria-label=${label}></div>`;
}

/**
 * @param {HTMLElement} into
 * @param {Series[]} series
 * @param {boolean} isDaily
 * @param {number} least
 */
function optionsOf(into, series, isDaily, least) {
  const colour = (/** @type {string} */ name) => () => getComputedStyle(into).getPropertyValue(name).trim();
  const bars = /** @type {any} */ (uPlot.paths).bars({ size: [0.8, 60] });
  const line = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--soft"), grid: line, ticks: line, font: "12px sans-serif" };
  const range = (/** @type {any} */ _, /** @type {number} */ _least, /** @type {number} */ most) => /** @type {[number, number]} */ ([0, Math.max(least, Math.ceil(most * 1.1))]);
  const dates = isDaily ? [[DAY_S, "{MMM} {D}", null, null, null, null, null, null, 1]] : [[60, "{HH}:{mm}", null, null, null, null, null, null, 1]];
  return /** @type {any} */ ({
    width: into.clientWidth || 300,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range } },
    axes: [{ ...axis, values: dates }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000] }],
    series: [
      { value: isDaily ? "{YYYY}-{MM}-{DD}" : "{HH}:{mm}" },
      ...series.map((one) => ({ label: one.name, stroke: colour(one.colour), fill: colour(one.colour), paths: bars, points: { show: false } })),
    ],
  });
}

/**
 * The beginnings of all steps up to now.
 * @param {number} count
 * @param {number} step in seconds
 */
export function stepsUpToNow(count, step) {
  const last = Math.floor(Date.now() / 1000 / step) * step;
  return Array.from({ length: count }, (_, index) => last - (count - 1 - index) * step);
}
