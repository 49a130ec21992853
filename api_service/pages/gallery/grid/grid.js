/** The tiles near what is seen. All others are only heights, so that ten thousand cost as little as a hundred. */
import { computed, effect, signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { html } from "../../common/html.js";
import { keys } from "./keys.js";
import { open } from "../lightbox/lightbox.js";
import { words } from "../messages.js";
import { fresh, more, pictures, showFresh, state } from "../pictures.js";
import { renewThumbnail } from "../renewal.js";
import { dayTitle, layoutOf, rowAt, rowOf } from "./rows.js";
import { active, indexOf, selected, selectTo, toggle } from "../selection.js";
import { isRushing, Tile } from "./tile.js";

const BEYOND = 600; // pixels above and below the view that are in the page too
const EARLY = 2500; // pixels above the end at which the next page is asked for
const TOP = 150; // pixels that the head and the filters take

const RUSH = 2.5; // pixels in a millisecond
const CALM_MS = 150;

const width = signal(0);
const view = signal({ top: 0, bottom: 0 });
const layout = computed(() => layoutOf(pictures.value, width.value));
// The rows in the page: a number changes only when a row comes or goes, and most scrolling changes nothing.
const first = computed(() => rowAt(layout.value.rows, view.value.top - BEYOND));
const last = computed(() => rowAt(layout.value.rows, view.value.bottom + BEYOND));

export function Grid() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => watch(/** @type {HTMLElement} */ (box.current)), []);
  const { rows, height } = layout.value;
  const seen = width.value ? rows.slice(first.value, last.value + 1) : [];
  // Where the keyboard is stays in the page: else it would be nowhere.
  const kept = active.value ? rows[rowOf(rows, indexOf(active.value))] : undefined;
  if (kept && width.value && !seen.includes(kept)) seen.push(kept);
  return html`<div class="grid" ref=${box} style=${{ height: `${height}px` }} role="group" aria-label=${words.title} aria-describedby="keys"
    onClick=${clicked} onKeyDown=${pressed} onErrorCapture=${failed}>
    ${seen.map((row) => (row.day ? html`<h2 class="day" key=${row.key} style=${place(0, row.top)}>${dayTitle(row.day)}</h2>` : tilesOf(row)))}
  </div>`;
}

/** @type {(x: number, y: number) => {transform: string}} */
const place = (x, y) => ({ transform: `translate(${x}px, ${y}px)` });

/**
 * The tiles of rows that were seen, as they were made: what is the same again costs nothing, also once a page has come.
 * @type {Map<string, {of: import("../pictures.js").Picture[], top: number, side: number, isFirst: boolean, tiles: any[]}>}
 */
let made = new Map();
const MOST_MADE = 400; // rows

/**
 * Each tile is a child of the grid: it stays the same element when those before it come or go, and keeps the focus.
 * @param {import("./rows.js").Row} row
 */
function tilesOf(row) {
  const { from, to, top, key } = row;
  const { side } = layout.value;
  const of = pictures.value.slice(from, to);
  const known = made.get(key);
  const isSame = known && known.top === top && known.side === side && known.isFirst === !from && known.of.length === of.length && known.of.every((one, index) => one === of[index]);
  if (isSame) return known.tiles;
  if (made.size > MOST_MADE) made = new Map();
  const tiles = makeTiles(row, of);
  made.set(key, { of, top, side, isFirst: !from, tiles });
  return tiles;
}

/**
 * @param {import("./rows.js").Row} row
 * @param {import("../pictures.js").Picture[]} of
 */
function makeTiles({ from, top }, of) {
  const { side, gap } = layout.value;
  return of.map((one, index) => {
    const style = { ...place(index * (side + gap), top), width: `${side}px`, height: `${side}px` };
    return html`<${Tile} key=${one.id} picture=${one} side=${side} style=${style} isFirst=${from + index === 0} />`;
  });
}

/**
 * Follow the size of the grid, and where it is in the window.
 * @param {HTMLElement} box
 */
function watch(box) {
  let timer = 0;
  let looked = 0;
  const look = () => {
    const { top } = box.getBoundingClientRect();
    const passed = performance.now() - looked;
    looked += passed;
    if (Math.abs(-top - view.value.top) > RUSH * passed) {
      isRushing.value = true;
      clearTimeout(timer);
      timer = window.setTimeout(() => (isRushing.value = false), CALM_MS);
    }
    view.value = { top: -top, bottom: innerHeight - top };
    if (top + layout.value.height < innerHeight + EARLY) void more();
    if (scrollY < TOP && fresh.value.length) showFresh();
  };
  // Before anything is painted, so that what is below the grid need not move.
  width.value = box.clientWidth;
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
  const id = idOf(event);
  keys(event, id && (going || id), layout.value, { show, focusOn });
}

/** @param {Event} event of a thumbnail whose address no longer holds */
function failed(event) {
  const id = idOf(event);
  if (id) renewThumbnail(id, /** @type {HTMLImageElement} */ (event.target).src);
}

/** @param {number} id */
function show(id) {
  active.value = id;
  void open(id, focusOn);
}

/** The picture that the keyboard is on its way to: who is fast presses the next key before it is there. */
let going = 0;

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
  going = id;
  requestAnimationFrame(() => {
    if (going === id) going = 0;
    document.getElementById(`picture-${id}`)?.focus({ preventScroll: true });
  });
}
