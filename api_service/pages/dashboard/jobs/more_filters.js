/** The rest of the filters that the API has: by model, kind, days, tags, and whether a job is pinned. */
import { useState } from "preact/hooks";
import { html } from "../../common/html.js";
import { namesOf } from "../../common/models.js";
import { words } from "../messages.js";
import { route } from "../route.js";

/** Of these the address may have some. */
export const MORE = /** @type {const} */ (["checkpoint", "type", "created_after", "created_before", "metadata", "pinned"]);

/** @param {{go: (changes: Record<string, string | null>) => void}} props */
export function MoreFilters({ go }) {
  const { query } = route.value;
  const [models, setModels] = useState(/** @type {string[] | null} */ (null));
  const open = (/** @type {any} */ event) => event.target.open && !models && namesOf("checkpoints").then(setModels);
  const count = MORE.filter((name) => query.has(name)).length;
  const now = (/** @type {string} */ name) => query.get(name) ?? "";
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => go({ [name]: event.target.value });
  const day = (/** @type {string} */ name, /** @type {number} */ later) => (/** @type {any} */ event) => go({ [name]: momentOf(event.target.value, later) });
  // One that is asked for may be gone from all servers.
  const names = [...new Set([now("checkpoint"), ...(models ?? [])])].filter(Boolean);
  return html`<details class="more-filters" onToggle=${open}><summary class="chip button" aria-label=${words.moreFilters(count)}>${words.moreFilters(count)}</summary>
    <div class="row">
      <div class="field"><label for="of-model">${words.asked.checkpoint_model}</label><select id="of-model" onChange=${set("checkpoint")}>
        <option value="">${words.any}</option>${names.map((name) => html`<option key=${name} value=${name} selected=${name === now("checkpoint")}>${name.replace(/\.\w+$/, "")}</option>`)}</select></div>
      <div class="field"><label for="of-type">${words.madeBy}</label><select id="of-type" onChange=${set("type")}>
        <option value="">${words.any}</option>${Object.entries(words.types).map(([type, said]) => html`<option key=${type} value=${type} selected=${type === now("type")}>${said}</option>`)}</select></div>
      <div class="field"><label for="of-after">${words.firstDay}</label><input id="of-after" type="date" value=${dayOf(now("created_after"), 0)} onChange=${day("created_after", 0)} /></div>
      <div class="field"><label for="of-before">${words.lastDay}</label><input id="of-before" type="date" value=${dayOf(now("created_before"), 1)} onChange=${day("created_before", 1)} /></div>
      <div class="field"><label for="of-tag">${words.tag}</label><input id="of-tag" key=${now("metadata")} defaultValue=${now("metadata")} placeholder=${words.tagHint} maxlength="500" onChange=${set("metadata")} /></div>
      <label class="row"><input type="checkbox" checked=${now("pinned") === "true"} onChange=${(/** @type {any} */ event) => go({ pinned: event.target.checked ? "true" : null })} /> ${words.pinnedOnly}</label>
      ${count > 0 && html`<button class="quiet" onClick=${() => go(Object.fromEntries(MORE.map((name) => [name, null])))}>${words.withoutThese}</button>`}
    </div></details>`;
}

/**
 * The first moment of a day here, or of a later one. @param {string} day @param {number} later days
 */
export function momentOf(day, later) {
  if (!day) return null;
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

/**
 * The day here that a moment was made of, as a field for dates has it. @param {string} moment @param {number} later
 */
export function dayOf(moment, later) {
  if (!moment || Number.isNaN(Date.parse(moment))) return "";
  const at = new Date(moment);
  at.setDate(at.getDate() - later);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
