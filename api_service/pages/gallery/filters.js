/** What is asked for. It stands in the address, so that a reload and a link keep it. */
import { computed, signal } from "@preact/signals";
import { labelsIn } from "../common/labels.js";

/** @typedef {{text: string, checkpoint: string, type: string, requires: string, pinned: string, from: string, to: string}} Filters */

/** @type {Filters} */
const NONE = { text: "", checkpoint: "", type: "", requires: "", pinned: "", from: "", to: "" };
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** @type {import("@preact/signals").Signal<Filters>} */
export const filters = signal(inAddress());
export const isFiltered = computed(() => Object.values(filters.value).some(Boolean));

/** @param {Partial<Filters>} changes */
export function filter(changes) {
  filters.value = { ...filters.value, ...changes };
  keepInAddress();
}

export function clearFilters() {
  filter(NONE);
}

/** Follow the address where someone edits it or goes back. */
export function followAddress() {
  addEventListener("hashchange", () => {
    filters.value = inAddress();
  });
}

function keepInAddress() {
  const said = Object.entries(filters.value).filter(([, value]) => value);
  const hash = said.length ? `#${new URLSearchParams(said)}` : "";
  history.replaceState(null, "", location.pathname + location.search + hash);
}

/** @returns {Filters} */
function inAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  return /** @type {Filters} */ (Object.fromEntries(Object.keys(NONE).map((name) => [name, said.get(name) ?? ""])));
}

/**
 * The filters as the list of jobs takes them. Days are those of this place.
 * @param {Filters} from
 * @param {Record<string, string>} more
 */
export function queryOf({ text, checkpoint, type, requires, pinned, from, to }, more) {
  const said = {
    text: text.trim(), checkpoint, type, pinned,
    created_after: moment(from, 0), created_before: moment(to, 1), // the last day is included
    ...more,
  };
  const labels = labelsIn(requires).map((label) => ["requires", label]);
  return new URLSearchParams([["status", "completed"], ...labels, ...Object.entries(said).filter(([, value]) => value)]);
}

/**
 * @param {string} day
 * @param {number} later days
 */
function moment(day, later) {
  if (!DATE.test(day)) return "";
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
