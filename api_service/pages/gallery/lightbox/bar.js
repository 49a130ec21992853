/** Below a picture: what was asked for, and what can be done with it. */
import { useEffect } from "preact/hooks";
import { html } from "../../common/html.js";
import { downloadOne, makeAgain, makeVariations, pin, removeAll, useAsInput } from "../deeds.js";
import { details } from "../details.js";
import { words } from "../messages.js";
import { pictures } from "../pictures.js";
import { shown } from "./lightbox.js";

/** @param {{take: (id: number) => void}} props */
export function Bar({ take }) {
  const slide = shown.value;
  const picture = pictures.value.find((one) => one.id === slide?.id);
  const output = slide && details.value.get(slide.id)?.outputs[slide.position];
  const drop = () => picture && (removeAll([picture]), take(picture.id));
  const keep = () => picture && pin([picture], !picture.pinned);
  const save = () => output && slide && downloadOne(slide.id, slide.position);
  useEffect(() => onKeys({ Delete: drop, p: keep, d: save }));
  if (!slide || !picture) return null;
  const { id } = slide;
  const job = details.value.get(id);
  const seed = job?.sampler_params?.seed;
  return html`<div class="lightbox-bar">
    <p title=${picture.prompt}>${picture.prompt}${seed !== undefined && html` <span>${words.seed} ${seed}</span>`}</p>
    <div class="deeds">
      <button onClick=${() => makeAgain(id)}>${words.makeAgain}</button>
      <button onClick=${() => makeVariations(id)}>${words.variations}</button>
      ${output?.kind === "image" && html`<button onClick=${() => useAsInput(id, output)}>${words.useAsInput}</button>`}
      <button disabled=${!output} onClick=${save}>${words.download}</button>
      <button aria-pressed=${picture.pinned} onClick=${keep}>${picture.pinned ? words.unpin : words.pin}</button>
      <button class="danger" onClick=${drop}>${words.remove}</button>
    </div>
  </div>`;
}

/**
 * @param {Record<string, () => void>} deeds by key
 * @returns {() => void} ends it
 */
function onKeys(deeds) {
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in deeds)) return;
    event.preventDefault();
    deeds[event.key]();
  };
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
}
