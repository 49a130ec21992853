/** Which jobs are meant: chips whose state stands in the address, so that it can be kept and sent. */
import { html } from "../../common/html.js";
import { statuses } from "../../common/messages.js";
import { session } from "../../common/session.js";
import { words } from "../messages.js";
import { changed, route, to } from "../route.js";

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
const FILTERS = ["status", "text", "failure", "schedule", "batch", "user_id"];

/**
 * The filters of the address as a task takes them.
 * @returns {Record<string, any>}
 */
export function filtersNow() {
  const { query } = route.value;
  /** @type {Record<string, any>} */
  const found = {};
  for (const name of FILTERS) if (query.has(name)) found[name] = name === "status" ? query.getAll(name) : query.get(name);
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
  const typed = (/** @type {any} */ event) => (event.preventDefault(), go({ text: String(new FormData(event.target).get("text")).trim() }));
  return html`<div class="row chips">
    ${CHIPS.map(({ name, of }) => html`<button class="chip" key=${name} aria-pressed=${isSame(of, now)} onClick=${() => choose(of)}>${name}</button>`)}
    ${Object.entries(SET_ELSEWHERE).filter(([name]) => query.has(name)).map(([name, said]) => html`
      <button class="chip" key=${name} aria-pressed="true" aria-label=${words.removeFilter(said)} onClick=${() => go({ [name]: null })}>${said} ✕</button>`)}
    ${session.value?.is_admin && html`<${Users} users=${users} chosen=${query.get("user_id") ?? ""} />`}
    <form onSubmit=${typed} role="search"><input key=${query.get("text")} type="search" name="text" aria-label=${words.search} placeholder=${words.search} value=${query.get("text") ?? ""} maxlength="1000" /></form>
    <button class="chip" onClick=${() => go({ order: query.get("order") === "asc" ? null : "asc" })}>${query.get("order") === "asc" ? words.oldestFirst : words.newest}</button>
  </div>`;
}

/** @param {string[]} of */
function choose(of) {
  const query = changed({ status: null });
  for (const status of of) query.append("status", status);
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
