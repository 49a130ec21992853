/** What the lightbox shows: a slide for each output, in the order of the gallery. */
import { address } from "../../common/base.js";
import { keepPlaying } from "../../common/media.js";
import { knownDetail, renewedAddress, thumbnail } from "../details.js";
import { words } from "../messages.js";

/** @typedef {{id: number, position: number, madeAt: string, picture: import("../pictures.js").Picture}} Slide */

const MOST_TEXT = 100_000; // characters of a text that are shown
const LARGE = 600;

/**
 * @param {import("../pictures.js").Picture[]} pictures
 * @returns {Slide[]}
 */
export function slidesOf(pictures) {
  return pictures.flatMap((picture) =>
    Array.from({ length: picture.outputs }, (_, position) => ({ id: picture.id, position, madeAt: picture.created_at, picture })),
  );
}

/**
 * The output of a slide, if it is known already.
 * @param {Slide} slide
 * @returns {any}
 */
export function outputOf({ id, position }) {
  return knownDetail(id)?.outputs[position];
}

/**
 * A slide as PhotoSwipe takes it: while it is not known, the thumbnail in its place.
 * @param {Slide} slide
 * @returns {any}
 */
export function itemOf(slide) {
  const { picture, position } = slide;
  const output = outputOf(slide);
  const alt = picture.prompt ?? "";
  const small = position === 0 ? thumbnail(picture.first_output?.thumbnails ?? null, LARGE) : "";
  if (output?.kind === "image") {
    const msrc = thumbnail(output.thumbnails, LARGE);
    return { isWhole: true, src: address(output.url), msrc: msrc && address(msrc), width: output.width, height: output.height, alt };
  }
  if (output) return { isWhole: true, type: output.kind, output, slide, alt };
  if (small) return { src: address(small), width: picture.width ?? LARGE, height: picture.height ?? LARGE, alt };
  return { html: "" };
}

/**
 * Make what is no picture: a player, a text, or a sentence.
 * @param {{content: any, preventDefault: () => void}} event of PhotoSwipe
 */
export function contentOf(event) {
  const { output, slide, alt } = event.content.data;
  if (!output) return;
  event.preventDefault();
  const box = document.createElement("div");
  box.className = "other-kind";
  if (output.kind === "video" || output.kind === "audio") box.append(player(slide, output, alt));
  else if (output.kind === "text") box.append(text(output));
  else box.append(`${words.kinds[output.kind] ?? output.kind}: ${output.filename}`);
  event.content.element = box;
  event.content.onLoaded();
}

/**
 * @param {Slide} slide
 * @param {any} output
 * @param {string} alt
 */
function player({ id, position }, output, alt) {
  const media = /** @type {HTMLMediaElement} */ (document.createElement(output.kind));
  media.src = address(output.url);
  keepPlaying(media, () => renewedAddress(id, position));
  media.controls = true;
  media.preload = "metadata";
  media.setAttribute("aria-label", alt || output.filename);
  media.setAttribute("playsinline", "");
  // Dragging along the player's own line is no swipe.
  for (const type of ["pointerdown", "touchstart", "keydown"]) media.addEventListener(type, (event) => event.stopPropagation());
  return media;
}

/** @param {any} output */
function text(output) {
  const box = document.createElement("pre");
  box.tabIndex = 0;
  fetch(address(output.url))
    .then((answer) => answer.text())
    .then((found) => (box.textContent = found.slice(0, MOST_TEXT)), () => (box.textContent = words.failedTitle));
  return box;
}
