/** Where one says what to see. */
import { signal } from "@preact/signals";
import { html } from "../common/html.js";
import { LABELS } from "../common/labels.js";
import { namesOf } from "../common/models.js";
import { clearFilters, filter, filters, isFiltered } from "./filters.js";
import { words } from "./messages.js";

const TYPED_MS = 300;
/** @type {import("@preact/signals").Signal<string[]>} */
const checkpoints = signal([]);
/** @type {Record<string, number>} */
const timers = {};

export async function loadCheckpoints() {
  checkpoints.value = await namesOf("checkpoints");
}

/** A filter changes once one stops typing, and only to what may be asked for. @param {string} name */
const typed = (name) => (/** @type {any} */ { target }) => {
  clearTimeout(timers[name]);
  if (target.checkValidity()) timers[name] = window.setTimeout(() => filter({ [name]: target.value }), TYPED_MS);
};

const set = (/** @type {string} */ name) => (/** @type {any} */ event) => filter({ [name]: event.target.value });

export function FilterBar() {
  const { text, pinned } = filters.value;
  return html`<form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <div class="field search"><label class="hidden" for="search">${words.search}</label>
      <input id="search" type="search" maxlength="500" placeholder=${words.search} title=${words.searchHint} value=${text} onInput=${typed("text")} /></div>
    <details open=${innerWidth > 900}>
      <summary class="button">${words.filters}</summary>
      <div class="choices">
        <${Choices} />
        <button type="button" aria-pressed=${pinned === "true"} onClick=${() => filter({ pinned: pinned ? "" : "true" })}>${words.pinnedOnly}</button>
        ${isFiltered.value && html`<button type="button" class="quiet" onClick=${clearFilters}>${words.clear}</button>`}
      </div>
    </details>
  </form>`;
}

function Choices() {
  const { checkpoint, type, requires, from, to } = filters.value;
  // One that is asked for may be gone from all servers.
  const names = checkpoint && !checkpoints.value.includes(checkpoint) ? [checkpoint, ...checkpoints.value] : checkpoints.value;
  const models = [["", words.anyCheckpoint], ...names.map((name) => [name, name.replace(/\.\w+$/, "")])];
  return html`<${Choice} name="checkpoint" label=${words.checkpoint} value=${checkpoint} options=${models} />
    <${Choice} name="type" label=${words.type} value=${type} options=${[["", words.anyType], ...Object.entries(words.types)]} />
    <input class="labels" aria-label=${words.labels} placeholder=${words.labels} title=${words.labelsHint} pattern=${LABELS} autocapitalize="none" spellcheck=${false} value=${requires} onInput=${typed("requires")} />
    <label class="date" for="from">${words.from}<input id="from" type="date" max=${to} value=${from} onChange=${set("from")} /></label>
    <label class="date" for="to">${words.to}<input id="to" type="date" min=${from} value=${to} onChange=${set("to")} /></label>`;
}

/** @param {{name: string, label: string, value: string, options: string[][]}} props */
function Choice({ name, label, value, options }) {
  return html`<select id=${name} aria-label=${label} onChange=${set(name)}>
    ${options.map(([one, said]) => html`<option value=${one} selected=${one === value} key=${one}>${said}</option>`)}
  </select>`;
}
