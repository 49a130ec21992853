/** The tiles near what is seen. All others are only heights, so that ten thousand cost as little as a hundred. */
import { computed, effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "../../common/html.js";
import { renewThumbnail } from "../details.js";
import { keys } from "./keys.js";
import { open } from "../lightbox/lightbox.js";
import { words } from "../messages.js";
import { fresh, more, pictures, showFresh, state } from "../pictures.js";
import { dayTitle, layoutOf, rowAt, rowOf } from "./rows.js";
import { active, indexOf, selected, selectTo, toggle } from "../selection.js";
import { Tile } from "./tile.js";

const BEYOND = 600; // pixels above and below the view that are in the page too
const EARLY = 2500; // pixels above the end at which the next page is asked for
const TOP = 150; // pixels that the head and the filters take

const width = signal(0);
const view = signal({ top: 0, bottom: 0 });
export const layout = computed(() => layoutOf(pictures.value, width.value));
// The rows in the page: a number changes only when a row comes or goes, and most scrolling changes nothing.
const first = computed(() => rowAt(layout.value.rows, view.value.top - BEYOND));
const last = computed(() => rowAt(layout.value.rows, view.value.bottom + BEYOND));

export function Grid() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => watch(/** @type {HTMLElement} */ (box.current)), []);
  const { rows, height, side } = layout.value;
  const seen = width.value ? rows.slice(first.value, last.value + 1) : [];
  // Where the keyboard is stays in the page: else it would be nowhere.
  const kept = active.value ? rows[rowOf(rows, indexOf(active.value))] : undefined;
  if (kept && width.value && !seen.includes(kept)) seen.push(kept);
  return html`<div class="grid" ref=${box} style=${{ height: `${height}px` }} role="group" aria-label=${words.title} aria-describedby="keys"
    onClick=${clicked} onKeyDown=${pressed} onErrorCapture=${failed}>
    ${seen.map((row) => html`<${Row} key=${row.key} row=${row} side=${side} />`)}
  </div>`;
}

/** @param {{row: import("./rows.js").Row, side: number}} props */
function Row({ row, side }) {
  const style = { transform: `translateY(${row.top}px)`, height: `${row.height}px` };
  if (row.day) return html`<h2 class="day" style=${style}>${dayTitle(row.day)}</h2>`;
  const of = pictures.value.slice(row.from, row.to);
  return html`<div class="line" style=${style}>${of.map((one, index) => html`<${Tile} key=${one.id} picture=${one} side=${side} isFirst=${row.from + index === 0} />`)}</div>`;
}

/**
 * Follow the size of the grid, and where it is in the window.
 * @param {HTMLElement} box
 */
function watch(box) {
  const look = () => {
    const { top } = box.getBoundingClientRect();
    view.value = { top: -top, bottom: innerHeight - top };
    if (top + layout.value.height < innerHeight + EARLY) void more();
    if (scrollY < TOP && fresh.value.length) showFresh();
  };
  const sizes = new ResizeObserver(([entry]) => {
    width.value = entry.contentRect.width;
    look();
  });
  sizes.observe(box);
  addEventListener("scroll", look, { passive: true });
  addEventListener("resize", look);
  // After a page has come, perhaps there is room for another.
  const stop = effect(() => {
    if (state.value === "more" && layout.value) queueMicrotask(look);
  });
  return () => {
    sizes.disconnect();
    removeEventListener("scroll", look);
    removeEventListener("resize", look);
    stop();
  };
}

/** @param {any} event */
const idOf = (event) => Number(event.target.closest("[data-id]")?.dataset.id ?? 0);

/** @param {MouseEvent} event */
function clicked(event) {
  const id = idOf(event);
  if (!id) return;
  const isCheck = /** @type {HTMLElement} */ (event.target).closest(".check");
  if (event.shiftKey) selectTo(id);
  else if (isCheck || event.ctrlKey || event.metaKey || selected.value.length) toggle(id);
  else show(id);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  keys(event, idOf(event), layout.value, { show, focusOn });
}

/** @param {Event} event */
function failed(event) {
  const id = idOf(event);
  const image = /** @type {HTMLElement} */ (event.target);
  if (!id || image.dataset.renewed) return;
  image.dataset.renewed = "1";
  void renewThumbnail(id);
}

/** @param {number} id */
function show(id) {
  active.value = id;
  void open(id, focusOn);
}

/**
 * Lead the keyboard to a picture, and the view too.
 * @param {number} id
 */
function focusOn(id) {
  active.value = id;
  const { rows } = layout.value;
  const row = rows[rowOf(rows, indexOf(id))];
  if (!row) return;
  const { top, bottom } = view.value;
  if (row.top < top + TOP) scrollBy(0, row.top - top - TOP);
  else if (row.top + row.height > bottom) scrollBy(0, row.top + row.height - bottom + BEYOND / 20);
  requestAnimationFrame(() => document.getElementById(`picture-${id}`)?.focus({ preventScroll: true }));
}
