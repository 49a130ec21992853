/** Which view is shown, and with which parameters: what stands behind the `#` of the address. */
import { signal } from "@preact/signals";

/** @typedef {{view: string, id: string | null, query: URLSearchParams}} Where */

/** @type {import("@preact/signals").Signal<Where>} */
export const route = signal(read());
addEventListener("hashchange", () => (route.value = read()));

/** @returns {Where} */
function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/");
  return { view: view || "overview", id: id ? decodeURIComponent(id) : null, query: new URLSearchParams(query ?? "") };
}

/**
 * The address of a view.
 * @param {string} path such as "jobs" or "jobs/7"
 * @param {URLSearchParams | Record<string, string>} [query]
 */
export function to(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return `#/${path}${text && `?${text}`}`;
}

/**
 * The parameters as they are, with some changed; null and "" take one away. A filter begins at the first page.
 * @param {Record<string, string | null>} changes
 */
export function changed(changes) {
  return withChanges({ cursor: null, ...changes });
}

/**
 * The address of this view with some parameters changed; null takes one away.
 * @param {Record<string, string | null>} changes
 */
export function toQuery(changes) {
  const { view, id } = route.value;
  return to(id ? `${view}/${encodeURIComponent(id)}` : view, withChanges(changes));
}

/** @param {Record<string, string | null>} changes */
function withChanges(changes) {
  const query = new URLSearchParams(route.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return query;
}
