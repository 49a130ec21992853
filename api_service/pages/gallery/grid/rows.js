/** Where each picture is: rows of tiles below the day they are of. Pure sums, so that nothing is measured while scrolling. */
import { words } from "../messages.js";

/**
 * @typedef {{key: string, top: number, height: number, day: string, from: number, to: number}} Row
 *   a heading where `day` is not empty, else the pictures `from` up to, without, `to`
 * @typedef {{rows: Row[], height: number, columns: number, side: number, gap: number}} Layout
 */

const GAP = 8;
const HEADING = 52;
const AFTER_DAY = 12;
const DAY_MS = 86_400_000;

/**
 * @param {{id: number, day: string}[]} pictures
 * @param {number} width in pixels
 * @returns {Layout}
 */
export function layoutOf(pictures, width) {
  const smallest = width < 600 ? 100 : width < 1700 ? 180 : 230;
  const columns = Math.max(2, Math.floor((width + GAP) / (smallest + GAP)));
  const side = (width - GAP * (columns - 1)) / columns;
  /** @type {Row[]} */
  const rows = [];
  let top = 0;
  for (let from = 0; from < pictures.length; ) {
    const { day } = pictures[from];
    rows.push({ key: day, top, height: HEADING, day, from, to: from });
    top += HEADING;
    while (pictures[from]?.day === day) {
      let to = from + 1;
      while (to < from + columns && pictures[to]?.day === day) to += 1;
      rows.push({ key: String(pictures[from].id), top, height: side, day: "", from, to });
      top += side + GAP;
      from = to;
    }
    top += AFTER_DAY;
  }
  return { rows, height: top, columns, side, gap: GAP };
}

/**
 * The first row that ends below a height.
 * @param {Row[]} rows
 * @param {number} y
 */
export function rowAt(rows, y) {
  return firstWhere(rows, (row) => row.top + row.height > y);
}

/**
 * The row that a picture is in.
 * @param {Row[]} rows
 * @param {number} index of the picture
 */
export function rowOf(rows, index) {
  return firstWhere(rows, (row) => row.to > index);
}

/**
 * The picture above or below another, or that one where there is none.
 * @param {Row[]} rows
 * @param {number} index
 * @param {1 | -1} step
 */
export function beside(rows, index, step) {
  const at = rowOf(rows, index);
  let next = at + step;
  if (rows[next]?.day) next += step;
  if (!rows[next]) return index;
  return Math.min(rows[next].from + index - rows[at].from, rows[next].to - 1);
}

/**
 * @param {Row[]} rows
 * @param {(row: Row) => boolean} holds for no row, or from some row on
 */
function firstWhere(rows, holds) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(rows[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * @param {string} day
 * @returns {string} such as "Today", or "Friday, 27 November 2026"
 */
export function dayTitle(day) {
  if (day === new Date().toDateString()) return words.today;
  if (day === new Date(Date.now() - DAY_MS).toDateString()) return words.yesterday;
  return new Date(day).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}
