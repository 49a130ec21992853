/** What can be done with the pictures that are selected. */
import { html } from "../common/html.js";
import { compare } from "./compare.js";
import { downloadAll, pin, removeAll } from "./deeds.js";
import { words } from "./messages.js";
import { selected, selectNone } from "./selection.js";

export function SelectionBar() {
  const of = selected.value;
  if (!of.length) return null;
  const arePinned = of.every((one) => one.pinned);
  return html`<div class="selection" role="region" aria-label=${words.selected(of.length)}>
    <strong role="status">${words.selected(of.length)}</strong>
    <button disabled=${of.length !== 2} title=${words.compareHint} onClick=${() => compare(of[0].id, of[1].id)}>${words.compare}</button>
    <button onClick=${() => downloadAll(of)}>${of.length > 1 ? html`<span><span class="long">${words.download} </span>${words.zip}</span>` : words.download}</button>
    <button onClick=${() => pin(of, !arePinned)}>${arePinned ? words.unpin : words.pin}</button>
    <button class="danger" onClick=${() => removeAll(of)}>${words.remove}</button>
    <button class="quiet" onClick=${selectNone}>${words.selectNone}</button>
  </div>`;
}
