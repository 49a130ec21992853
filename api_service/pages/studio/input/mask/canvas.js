/** The picture with its mask over it, painted by mouse, pen or finger. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../../common/html.js";
import { words } from "../../messages.js";
import { renewPicture } from "../given_picture.js";
import { draw, drawStroke } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */

const COLOUR = "#e0218a";
const LARGEST = 2048; // pixels of the longer side of a mask

/**
 * @param {{picture: import("../../../common/job_body.js").Picture, strokes: Stroke[], brush: {size: number, isErasing: boolean},
 *   add: (stroke: Stroke) => void, seen: (canvas: HTMLCanvasElement) => void}} props `seen` is told of the canvas each time it was drawn
 */
export function MaskCanvas({ picture, strokes, brush, add, seen }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!canvas.current || !size.width) return;
    draw(canvas.current, strokes, COLOUR);
    seen(canvas.current);
  }, [strokes, size]);
  const begin = (/** @type {any} */ event) => {
    if (event.button === 0 && canvas.current) follow(event, canvas.current, brush, add);
  };
  return html`<div class="masked">
    <img src=${picture.full} alt=${picture.name} onLoad=${(/** @type {any} */ event) => setSize(sizeOf(event.target))} onError=${() => renewPicture(picture)} />
    <canvas ref=${canvas} width=${size.width} height=${size.height} role="img" aria-label=${words.maskCanvas} onPointerDown=${begin}></canvas>
  </div>`;
}

/** @param {HTMLImageElement} image */
function sizeOf({ naturalWidth, naturalHeight }) {
  const scale = Math.min(1, LARGEST / Math.max(naturalWidth, naturalHeight));
  return { width: Math.round(naturalWidth * scale), height: Math.round(naturalHeight * scale) };
}

/**
 * Paint until the pointer goes up.
 * @param {PointerEvent} event
 * @param {HTMLCanvasElement} canvas
 * @param {{size: number, isErasing: boolean}} brush
 * @param {(stroke: Stroke) => void} add
 */
function follow(event, canvas, brush, add) {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  const box = canvas.getBoundingClientRect();
  const at = (/** @type {PointerEvent} */ one) => /** @type {[number, number]} */ ([(one.clientX - box.left) / box.width, (one.clientY - box.top) / box.height]);
  /** @type {Stroke & {kind: "line"}} */
  const stroke = { kind: "line", ...brush, points: [at(event)] };
  drawStroke(canvas, stroke, COLOUR);
  const moved = (/** @type {PointerEvent} */ one) => {
    const last = stroke.points[stroke.points.length - 1];
    stroke.points.push(at(one));
    drawStroke(canvas, { ...stroke, points: [last, at(one)] }, COLOUR);
  };
  const ended = () => {
    canvas.removeEventListener("pointermove", moved);
    canvas.removeEventListener("pointerup", ended);
    canvas.removeEventListener("pointercancel", ended);
    add(stroke);
  };
  canvas.addEventListener("pointermove", moved);
  canvas.addEventListener("pointerup", ended);
  canvas.addEventListener("pointercancel", ended);
}
