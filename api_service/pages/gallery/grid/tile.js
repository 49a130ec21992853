/** One job in the grid: the thumbnail of its first output, and marks for what else there is to know. */
import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { address } from "../../common/base.js";
import { html } from "../../common/html.js";
import { Icon } from "../../common/icons.js";
import { thumbnail } from "../details.js";
import { words } from "../messages.js";
import { active, selectedIds } from "../selection.js";

/** Whether so much passes by that no thumbnail is begun, nor anything else of a tile. */
export const isRushing = signal(false);
const ICONS = /** @type {const} */ ({ video: "play", audio: "sound" });

/** @param {{picture: import("../pictures.js").Picture, side: number, style: Record<string, string>, isFirst: boolean}} props */
export function Tile({ picture, side, style, isFirst }) {
  const { id, prompt, outputs, pinned, first_output: first } = picture;
  const isSelected = selectedIds.value.has(id);
  const isActive = active.value ? active.value === id : isFirst;
  const url = first && thumbnail(first.thumbnails, side);
  const isBegun = useRef(false);
  if (!isBegun.current) isBegun.current = !isRushing.value;
  const kind = first?.kind ?? "";
  const said = first ? (words.kinds[kind] ?? kind) : words.noFile;
  return html`<div class=${isSelected ? "tile selected" : "tile"} data-id=${id} style=${style}>
    <button class="open" id=${`picture-${id}`} tabindex=${isActive ? 0 : -1} aria-label=${words.picture(prompt ?? "", url ? "" : said, outputs)}>
      ${url ? isBegun.current && html`<img src=${address(url)} alt="" decoding="async" />` : html`<span class="none"><${Icon} name=${kind === "audio" ? "sound" : "file"} />${said}</span>`}
    </button>
    ${isBegun.current && html`<button class="check" role="checkbox" tabindex="-1" aria-checked=${isSelected} aria-label=${words.select}></button>`}
    ${isBegun.current && (pinned || outputs > 1 || kind in ICONS) && html`<span class="marks">
      ${pinned && html`<span title=${words.pin}><${Icon} name="pin" /></span>`}
      ${outputs > 1 && html`<span><${Icon} name="stack" />${outputs}</span>`}
      ${kind in ICONS && html`<span><${Icon} name=${ICONS[/** @type {"video"} */ (kind)]} /></span>`}
    </span>`}
  </div>`;
}
