/** Which jobs are meant: chips whose state stands in the address, so that it can be kept and sent. */
import { html } from "../../common/html.js";
import { LABELS, labelsIn } from "../../common/labels.js";
import { statuses } from "../../common/messages.js";
import { session } from "../../common/session.js";
import { words } from "../messages.js";
import { changed, route, to } from "../route.js";
import { MORE, MoreFilters } from "./more_filters.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */

/** @type {{name: string, of: string[]}[]} */
const CHIPS = [
  { name: words.all, of: [] },
  { name: words.live, of: ["queued", "pending"] },
  { name: statuses.running, of: ["running", "cancelling"] },
  ...["completed", "failed", "cancelled", "expired"].map((status) => ({ name: statuses[status], of: [status] })),
];
/** Filters that other views set, and that are shown only then. */
const SET_ELSEWHERE = /** @type {const} */ ({ failure: words.filterFailure, schedule: words.filterSchedule, batch: "Of one batch" });
const FILTERS = ["status", "requires", "text", "failure", "schedule", "batch", "user_id", ...MORE];
/** Those of which the API takes more than one. */
const SEVERAL = ["status", "requires", "metadata"];

/**
 * The filters of the address as a task takes them.
 * @returns {Record<string, any>}
 */
export function filtersNow() {
  const { query } = route.value;
  /** @type {Record<string, any>} */
  const found = {};
  for (const name of FILTERS) if (query.has(name)) found[name] = SEVERAL.includes(name) ? query.getAll(name) : name === "pinned" ? query.get(name) === "true" : query.get(name);
  if (session.value?.is_admin && !found.user_id) found.user_id = "all";
  return found;
}

/** Whether the address asks for less than all jobs. */
export const isFiltered = () => FILTERS.some((name) => route.value.query.has(name));

/** The filters, the order and the page of the address as the list takes them. */
export function listQuery() {
  const query = new URLSearchParams(route.value.query);
  if (session.value?.is_admin && !query.has("user_id")) query.set("user_id", "all");
  return query;
}

/** @param {Record<string, string | null>} changes */
const go = (changes) => (location.hash = to("jobs", changed(changes)));

/** @param {{users: Schemas["UserView"][]}} props those to choose from: none for who sees only their own jobs */
export function Filters({ users }) {
  const { query } = route.value;
  const now = query.getAll("status");
  const labels = query.getAll("requires").join(", ");
  return html`<div class="row chips">
    ${CHIPS.map(({ name, of }) => html`<button class="chip" key=${name} aria-pressed=${isSame(of, now)} onClick=${() => choose("status", of)}>${name}</button>`)}
    ${Object.entries(SET_ELSEWHERE).filter(([name]) => query.has(name)).map(([name, said]) => html`
      <button class="chip" key=${name} aria-pressed="true" aria-label=${words.removeFilter(said)} onClick=${() => go({ [name]: null })}>${said} ✕</button>`)}
    ${session.value?.is_admin && html`<${Users} users=${users} chosen=${query.get("user_id") ?? ""} />`}
    <form onSubmit=${typed((text) => go({ text }))} role="search"><input key=${query.get("text")} type="search" name="typed" aria-label=${words.search} placeholder=${words.search} defaultValue=${query.get("text") ?? ""} maxlength="1000" /></form>
    <form onSubmit=${typed((text) => choose("requires", labelsIn(text)))}><input key=${labels} type="search" name="typed" aria-label=${words.labels} placeholder=${words.labels} title=${words.labelsHint} pattern=${LABELS} autocapitalize="none" defaultValue=${labels} /></form>
    <${MoreFilters} go=${go} />
    <button class="chip" onClick=${() => go({ order: query.get("order") === "asc" ? null : "asc" })}>${query.get("order") === "asc" ? words.oldestFirst : words.newest}</button>
  </div>`;
}

/** What was typed into a form of one field. @param {(text: string) => void} chosen */
const typed = (chosen) => (/** @type {any} */ event) => (event.preventDefault(), chosen(String(new FormData(event.target).get("typed")).trim()));

/**
 * A filter that may have several values.
 * @param {string} name
 * @param {string[]} values
 */
function choose(name, values) {
  const query = changed({ [name]: null });
  for (const value of values) query.append(name, value);
  location.hash = to("jobs", query);
}

/**
 * @param {string[]} one
 * @param {string[]} other
 */
function isSame(one, other) {
  return one.length === other.length ? one.every((status) => other.includes(status)) : other.length > 0 && one.length > 0 && other.every((status) => one.includes(status));
}

/** @param {{users: Schemas["UserView"][], chosen: string}} props */
function Users({ users, chosen }) {
  return html`<select aria-label=${words.user} value=${chosen} onChange=${(/** @type {any} */ event) => go({ user_id: event.target.value })}>
    <option value="">${words.everybody}</option>
    ${users.map((user) => html`<option key=${user.id} value=${user.id}>${user.name}</option>`)}
  </select>`;
}
