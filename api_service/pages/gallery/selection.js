/** Which pictures are selected, and which one the keyboard is at. */
import { computed, signal } from "@preact/signals";
import { pictures } from "./pictures.js";

/** @type {import("@preact/signals").Signal<Set<number>>} */
const marked = signal(new Set());
/** Of those that are selected, the ones that are still here, newest first. */
export const selected = computed(() => (marked.value.size ? pictures.value.filter(({ id }) => marked.value.has(id)) : []));
/** Their ids, to look up. */
export const selectedIds = computed(() => new Set(selected.value.map(({ id }) => id)));
/** The id of the picture that Tab leads to; 0 for the first. */
export const active = signal(0);

export const indexOf = (/** @type {number} */ id) => Math.max(0, pictures.value.findIndex((one) => one.id === id));

/** @param {number} id */
export function toggle(id) {
  const next = new Set(marked.value);
  if (!next.delete(id)) next.add(id);
  marked.value = next;
  active.value = id;
}

/**
 * Select all from the active one to this one.
 * @param {number} id
 */
export function selectTo(id) {
  const [from, to] = [indexOf(active.value), indexOf(id)].sort((one, other) => one - other);
  marked.value = new Set([...marked.value, ...pictures.value.slice(from, to + 1).map((one) => one.id)]);
  active.value = id;
}

export function selectAll() {
  marked.value = new Set(pictures.value.map(({ id }) => id));
}

export function selectNone() {
  marked.value = new Set();
}
