/** Below a picture: what was asked for, and what can be done with it. */
import { useLayoutEffect } from "preact/hooks";
import { html } from "../../common/html.js";
import { downloadOne, makeAgain, makeVariations, pin, removeAll, useAsInput } from "../deeds.js";
import { details } from "../details.js";
import { words } from "../messages.js";
import { pictures } from "../pictures.js";
import { shown } from "./lightbox.js";

/** @param {{take: (id: number) => void}} props */
export function Bar({ take }) {
  const { slide, picture, output } = seen();
  const drop = () => withPicture((one) => (removeAll([one]), take(one.id)));
  const keep = () => withPicture((one) => pin([one], !one.pinned));
  const save = () => {
    const { slide: now, output: its } = seen();
    if (now && its) void downloadOne(now.id, now.position);
  };
  useLayoutEffect(() => onKeys({ Delete: drop, p: keep, d: save }), []);
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

/** What is shown at this moment: a key may come before what its last deed has changed is drawn. */
function seen() {
  const slide = shown.value;
  return {
    slide,
    picture: pictures.value.find((one) => one.id === slide?.id),
    output: slide && details.value.get(slide.id)?.outputs[slide.position],
  };
}

/** @param {(picture: import("../pictures.js").Picture) => void} deed */
function withPicture(deed) {
  const { picture } = seen();
  if (picture) deed(picture);
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
