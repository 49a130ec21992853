/** A picture to begin with: dropped, pasted or chosen. A workflow that is dropped is taken as one. */
import { html } from "../../common/html.js";
import { words } from "../messages.js";
import { beginWithFile, isUploading } from "./begin_with_file.js";
import { isMasking } from "./mask/mask_dialog.js";
import { isGiven, renewPicture } from "./given_picture.js";
import { workflowInPng } from "./png.js";
import { problemOf } from "../form/fields.js";
import { change, settings } from "../form/settings.js";
import { takePasted, takeWorkflow } from "../workflow/workflows.js";

const IS_TEXT = /^(text\/|application\/json)/;

/** @param {File} file */
export async function takeFile(file) {
  if (IS_TEXT.test(file.type) || file.name.endsWith(".json")) return takeWorkflow(await file.text());
  const found = file.type === "image/png" ? workflowInPng(await file.arrayBuffer()) : null;
  if (found) return takeWorkflow(found, file);
  return beginWithFile(file);
}

/** It takes what is pasted there itself, and says what is wrong with that. @param {EventTarget | null} target */
const isWorkflowBox = (target) => target instanceof Element && target.id === "workflow";

/** Take what is dropped on the page, or pasted into it. */
export function takeWhatComes() {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) void takeFile(file);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (file) void takeFile(file);
    if (file || (!isWorkflowBox(event.target) && takePasted(event.clipboardData?.getData("text/plain") ?? ""))) event.preventDefault();
  });
}

/**
 * What can be done with a picture that was just given: on a phone it would lie behind the button that sends.
 * @param {HTMLElement | null} box
 */
function comesIntoView(box) {
  if (!box || !isGiven.value) return;
  isGiven.value = false;
  // After what else is drawn, and scrolled, because of it.
  requestAnimationFrame(() => box.scrollIntoView({ behavior: "smooth", block: "nearest" }));
}

export function InputPicture() {
  const { image, mask, denoise } = settings.value;
  const problem = problemOf("image") ?? problemOf("mask");
  if (image) {
    return html`<fieldset class="input-picture" key=${image.id} ref=${comesIntoView}>
      <legend class="label">${words.image}</legend>
      <div class="row">
        ${image.url ? html`<img src=${image.url} alt=${image.name} onError=${() => renewPicture(image)} />` : html`<code>${image.name}</code>`}
        <div class="grow field">
          <label for="denoise">${words.denoise}: ${Math.round(denoise * 100)}\u00a0%</label>
          <input id="denoise" type="range" min="0.05" max="1" step="0.05" value=${denoise} onInput=${(/** @type {any} */ event) => change({ denoise: Number(event.target.value) })} />
        </div>
        <button type="button" class="quiet icon" aria-label=${words.removeIt} title=${words.removeIt} onClick=${() => change({ image: null, mask: null })}>×</button>
      </div>
      <div class="row">
        ${image.url && html`<button type="button" onClick=${() => (isMasking.value = true)}>${!mask ? words.makeMask : mask.strokes.length ? words.changeMask : words.otherMask}</button>`}
        ${mask && html`${mask.url ? html`<img class="mask-small" src=${mask.url} alt=${mask.areas === "transparent" ? words.maskOfTransparent : words.maskOfPicture} />` : html`<code>${mask.file}</code>`}
          <button type="button" class="quiet" onClick=${() => change({ mask: null })}>${words.removeMask}</button>`}
      </div>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    </fieldset>`;
  }
  const chosen = (/** @type {any} */ event) => event.target.files[0] && takeFile(event.target.files[0]);
  return html`<div class="drop">
    <label for="picture">${words.image}</label>
    <p class="soft">${isUploading.value ? words.uploading : html`${words.imageHint} <label class="link" for="picture">${words.choose}</label>.`}</p>
    <input class="hidden" id="picture" type="file" accept="image/*,.json" onChange=${chosen} />
  </div>`;
}
