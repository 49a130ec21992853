/** What the keys do in the grid. */
import { pin, removeAll } from "../deeds.js";
import { shown } from "../lightbox/lightbox.js";
import { pictures } from "../pictures.js";
import { beside } from "./rows.js";
import { indexOf, selectAll, selected, selectNone, selectTo, toggle } from "../selection.js";

/**
 * Where a picture is shown at its full size the keys mean that one: the focus may still be on its tile.
 * @param {KeyboardEvent} event
 * @param {number} id of the picture that has the focus
 * @param {import("./rows.js").Layout} layout
 * @param {{show: (id: number) => void, focusOn: (id: number) => void}} to
 */
export function keys(event, id, { rows }, { show, focusOn }) {
  if (!id || event.altKey || shown.value) return;
  const index = indexOf(id);
  const isMany = event.ctrlKey || event.metaKey;
  const meant = selected.value.length ? selected.value : [pictures.value[index]];
  /** @type {Record<string, () => void>} */
  const deeds = {
    ArrowRight: () => go(index + 1),
    ArrowLeft: () => go(index - 1),
    ArrowDown: () => go(beside(rows, index, 1)),
    ArrowUp: () => go(beside(rows, index, -1)),
    Home: () => go(0),
    End: () => go(pictures.value.length - 1),
    Enter: () => show(id),
    " ": () => toggle(id),
    Escape: selectNone,
    Delete: () => removeAll(meant),
    ...(isMany ? { a: selectAll } : { p: () => void pin(meant, !meant.every((one) => one.pinned)) }),
  };
  const deed = deeds[event.key];
  if (!deed) return;
  event.preventDefault();
  deed();

  /** @param {number} next */
  function go(next) {
    const found = pictures.value[Math.min(Math.max(next, 0), pictures.value.length - 1)];
    if (event.shiftKey) selectTo(found.id);
    focusOn(found.id);
  }
}
