/** The gallery: all that was made, by day. */
import { effect } from "@preact/signals";
import { address } from "../common/base.js";
import { html } from "../common/html.js";
import { words as common } from "../common/messages.js";
import { show } from "../common/shell.js";
import { Compare } from "./compare.js";
import { deleteWhenLeft } from "./deletion.js";
import { FilterBar, loadCheckpoints } from "./filter_bar.js";
import { clearFilters, filters, followAddress, isFiltered } from "./filters.js";
import "./gallery.css";
import { Grid } from "./grid/grid.js";
import { words } from "./messages.js";
import { begin, followJobs, fresh, pictures, problem, retryReading, showFresh, state } from "./pictures.js";
import { renewWhenBack } from "./renewal.js";
import { SelectionBar } from "./selection_bar.js";

function Gallery() {
  return html`<div class="gallery">
    <h1 class="hidden">${words.title}</h1>
    <p class="hidden" id="keys">${words.keys}</p>
    <${FilterBar} />
    ${fresh.value.length > 0 && html`<button class="primary fresh" onClick=${toFresh}>${words.fresh(fresh.value.length)}</button>`}
    <${Grid} />
    <${Foot} />
    <${SelectionBar} />
    <${Compare} />
  </div>`;
}

function toFresh() {
  showFresh();
  scrollTo(0, 0);
}

/** What stands below the pictures, or instead of them. */
function Foot() {
  const none = !pictures.value.length;
  if (state.value === "loading") return html`<p class="empty" role="status">${common.loading}</p>`;
  if (state.value === "failed") {
    return html`<div class="empty" role="alert"><h2>${none ? words.failedTitle : words.moreFailed}</h2><p>${problem.value}</p>
      <button onClick=${retryReading}>${words.again}</button></div>`;
  }
  if (state.value === "more") return html`<p class="empty"></p>`;
  if (!none) return html`<p class="empty">${words.end}</p>`;
  if (isFiltered.value) return html`<div class="empty"><h2>${words.noneTitle}</h2><p>${words.none}</p><button onClick=${clearFilters}>${words.clear}</button></div>`;
  return html`<div class="empty"><h2>${words.emptyTitle}</h2><p>${words.empty}</p><a class="button" href=${address("studio")}>${words.toStudio}</a></div>`;
}

/** Read again whenever something else is asked for. */
function followFilters() {
  let isFirst = true;
  effect(() => {
    if (filters.value && !isFirst) queueMicrotask(() => void begin());
    isFirst = false;
  });
}

void show("gallery", Gallery, async () => {
  followAddress();
  followJobs();
  deleteWhenLeft();
  renewWhenBack();
  followFilters();
  // With what it shows, so that nothing moves when that comes.
  await Promise.all([begin(), loadCheckpoints()]);
});
