/** Pictures at their full size, one after another: by PhotoSwipe, which is loaded when the first is opened. */
import { signal } from "@preact/signals";
import { render, html } from "../../common/html.js";
import { whenBack } from "../../common/live.js";
import { complain } from "../../common/toasts.js";
import { detailOf } from "../details.js";
import { words } from "../messages.js";
import { more, pictures } from "../pictures.js";
import { Bar } from "./bar.js";
import { contentOf, itemOf, slidesOf } from "./slides.js";

const AHEAD = 2; // jobs whose outputs are asked for before one comes to them
const NEAR_END = 10;

const LARGEST = 2; // times its size, at which a picture is still no blur on a very large screen

/** A picture fills the window that it is opened in, and can always be looked at more closely. @type {Record<string, (level: any) => number>} */
const ZOOM = {
  initialZoomLevel: ({ elementSize: of, panAreaSize: room }) => (of?.x && room ? Math.min(room.x / of.x, room.y / of.y, LARGEST) : 1),
  secondaryZoomLevel: ({ initial }) => Math.max(1, initial * 2),
  maxZoomLevel: ({ initial }) => Math.max(4, initial * 4),
};

/** What is shown now. @type {import("@preact/signals").Signal<import("./slides.js").Slide | null>} */
export const shown = signal(null);

/**
 * @param {number} id of a job
 * @param {(id: number) => void} closed hears which one was shown last
 */
export async function open(id, closed) {
  try {
    const [{ default: PhotoSwipe }] = await Promise.all([import("photoswipe"), detailOf(id)]);
    const slides = slidesOf(pictures.value);
    const index = slides.findIndex((one) => one.id === id);
    if (index < 0) return;
    const options = { index, loop: false, bgOpacity: 1, wheelToZoom: true, paddingFn: room, errorMsg: words.failedTitle, ...ZOOM };
    const box = new PhotoSwipe({ ...options, showHideAnimationType: "fade" });
    fill(box, slides);
    closeAlsoWhileItOpens(box);
    closeByGoingBack(box);
    // Its words for those who listen.
    box.on("firstUpdate", () => box.element?.setAttribute("aria-label", words.lightbox));
    box.on("destroy", () => {
      const last = shown.value?.id ?? id;
      shown.value = null;
      closed(last);
    });
    box.init();
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}

/**
 * Whoever goes back leaves the picture, and not the gallery: a phone has no other way out that is as near.
 * @param {any} box of PhotoSwipe
 */
function closeByGoingBack(box) {
  // Where the gallery is scrolled to when it is seen again, it says itself.
  history.scrollRestoration = "manual";
  history.pushState(null, "");
  let isBack = false;
  const wentBack = () => {
    isBack = true;
    box.close();
  };
  addEventListener("popstate", wentBack);
  box.on("destroy", () => {
    removeEventListener("popstate", wentBack);
    const rest = () => (history.scrollRestoration = "auto");
    if (isBack) return rest();
    addEventListener("popstate", rest, { once: true });
    history.back();
  });
}

/**
 * One that opens yet heeds neither Escape nor its own button: have it closed once it is open.
 * @param {any} box of PhotoSwipe
 */
function closeAlsoWhileItOpens(box) {
  const close = box.close.bind(box);
  box.close = () => (box.opener.isOpen ? close() : box.on("openingAnimationEnd", close));
  const early = (/** @type {KeyboardEvent} */ { key }) => key === "Escape" && box.close();
  addEventListener("keydown", early);
  box.on("openingAnimationEnd", () => removeEventListener("keydown", early));
}

/** @returns {{top: number, bottom: number, left: number, right: number}} pixels that the bars take */
const room = () => ({ top: 56, bottom: innerWidth < 641 ? 150 : 92, left: 0, right: 0 });

/**
 * @param {any} box of PhotoSwipe
 * @param {import("./slides.js").Slide[]} slides
 */
function fill(box, slides) {
  box.addFilter("numItems", () => slides.length);
  box.addFilter("itemData", (/** @type {any} */ _, /** @type {number} */ index) => itemOf(slides[index]));
  box.on("contentLoad", (/** @type {any} */ event) => contentOf(event));
  box.on("contentDeactivate", (/** @type {any} */ { content }) => content.element?.querySelector?.("video, audio")?.pause());
  box.on("change", () => {
    shown.value = slides[box.currIndex] ?? null;
    void lookAround(box, slides);
  });
  // What did not come while nobody answered.
  const stop = whenBack(() => {
    if (box.currSlide?.content.isError()) box.refreshSlideContent(box.currIndex);
    void lookAround(box, slides);
  });
  box.on("destroy", stop);
  box.on("uiRegister", () => {
    box.ui.registerElement({
      name: "deeds", appendTo: "root", tagName: "div",
      onInit: (/** @type {HTMLElement} */ element) => {
        render(html`<${Bar} leave=${() => box.close()} take=${(/** @type {number} */ id) => take(box, slides, id)} />`, element);
        box.on("destroy", () => render(null, element));
      },
    });
  });
}

/**
 * Ask for the outputs of those that are near, and for older ones near the end.
 * @param {any} box
 * @param {import("./slides.js").Slide[]} slides
 */
async function lookAround(box, slides) {
  const { currIndex } = box;
  const near = slides.slice(Math.max(0, currIndex - AHEAD), currIndex + AHEAD + 1);
  const unknown = near.filter((one) => !itemOf(one).isWhole);
  await Promise.all([...new Set(unknown.map(({ id }) => id))].map((id) => detailOf(id).catch(() => null)));
  // Each is a change, after which this looks again: one that is not known yet would be asked for without end.
  for (const one of unknown) if (!box.isDestroying && itemOf(one).isWhole) box.refreshSlideContent(slides.indexOf(one));
  if (currIndex < slides.length - NEAR_END) return;
  await more();
  const known = new Set(slides.map(({ id }) => id));
  const last = slides[slides.length - 1];
  const older = slidesOf(pictures.value.filter((one) => !known.has(one.id) && one.created_at <= last.madeAt));
  slides.push(...older);
}

/**
 * Take a deleted job out of what is shown.
 * @param {any} box
 * @param {import("./slides.js").Slide[]} slides
 * @param {number} id
 */
function take(box, slides, id) {
  const left = slides.filter((one) => one.id !== id);
  if (!left.length) return box.close();
  const at = slides.slice(0, box.currIndex).filter((one) => one.id !== id).length;
  slides.splice(0, slides.length, ...left);
  const next = Math.min(at, left.length - 1);
  box.goTo(next);
  for (const index of [next - 1, next, next + 1]) if (slides[index]) box.refreshSlideContent(index);
  shown.value = slides[next];
}
