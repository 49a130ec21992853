/** Says which part of a picture is painted over: with a brush, or by numbers where no pointer is used. */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../../common/html.js";
import { whenBack } from "../../../common/live.js";
import { isOfNoAnswer, words as common } from "../../../common/messages.js";
import { words } from "../../messages.js";
import { change, settings } from "../../form/settings.js";
import { uploaded } from "../upload.js";
import { MaskCanvas } from "./canvas.js";
import { fileOf, shareOf } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */

const USUAL_BRUSH = { size: 0.08, isErasing: false };

/** Whether the mask is painted now. It stands beside the form of the page: forms can not be in each other. */
export const isMasking = signal(false);

export function MaskDialog() {
  const { image, mask } = settings.value;
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const drawn = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [strokes, setStrokes] = useState(/** @type {Stroke[]} */ (mask?.strokes ?? []));
  const [brush, setBrush] = useState(USUAL_BRUSH);
  const [share, setShare] = useState(0);
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  useEffect(() => whenBack(() => setProblem((old) => (isOfNoAnswer(old) ? "" : old))), []);
  const add = (/** @type {Stroke} */ stroke) => setStrokes((old) => [...old, stroke]);
  const undo = () => setStrokes((old) => old.slice(0, -1));
  const seen = (/** @type {HTMLCanvasElement} */ canvas) => ((drawn.current = canvas), setShare(shareOf(canvas)));
  const pressed = (/** @type {KeyboardEvent} */ event) => (event.ctrlKey || event.metaKey) && event.key === "z" && (event.preventDefault(), undo());
  const use = async () => {
    setSending(true);
    try {
      // One of another job has no strokes, and stays where nothing is drawn in its place.
      if (strokes.length || mask?.strokes.length) await keep(share ? drawn.current : null, strokes);
      box.current?.close();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setSending(false);
    }
  };
  return html`<dialog class="mask" ref=${box} aria-labelledby="mask-title" onClose=${() => (isMasking.value = false)} onKeyDown=${pressed}>
    <h2 id="mask-title">${words.maskTitle}</h2>
    <p class="soft">${words.maskHint}</p>
    ${image && html`<${MaskCanvas} picture=${image} strokes=${strokes} brush=${brush} add=${add} seen=${seen} />`}
    <div class="row">
      <div class="field grow"><label for="brush">${words.brush}: ${Math.round(brush.size * 100)} %</label>
        <input id="brush" type="range" min="0.01" max="0.4" step="0.01" value=${brush.size} onInput=${(/** @type {any} */ event) => setBrush({ ...brush, size: Number(event.target.value) })} /></div>
      <button type="button" aria-pressed=${brush.isErasing} onClick=${() => setBrush({ ...brush, isErasing: !brush.isErasing })}>${words.erase}</button>
      <button type="button" disabled=${!strokes.length} onClick=${undo}>${common.undo}</button>
      <button type="button" disabled=${!strokes.length} onClick=${() => setStrokes([])}>${words.clear}</button>
      <button type="button" onClick=${() => add({ kind: "all" })}>${words.maskAll}</button>
    </div>
    <${ByNumbers} add=${add} />
    <p class="problem" role="alert">${problem}</p>
    <div class="row actions"><span class="soft grow" role="status">${words.masked(Math.round(share * 100))}</span>
      <button type="button" onClick=${() => box.current?.close()}>${common.cancel}</button>
      <button type="button" class="primary" disabled=${isSending} onClick=${use}>${words.useMask}</button></div>
  </dialog>`;
}

/** @param {{add: (stroke: Stroke) => void}} props */
function ByNumbers({ add }) {
  const sent = (/** @type {any} */ event) => {
    event.preventDefault();
    const said = new FormData(event.target);
    const part = (/** @type {string} */ name) => Number(said.get(name)) / 100;
    add({ kind: "rectangle", left: part("left"), top: part("top"), width: part("width"), height: part("height") });
  };
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {number} */ value) => html`<div class="field">
    <label for=${`mask-${name}`}>${label}</label><input id=${`mask-${name}`} name=${name} type="number" min="0" max="100" defaultValue=${value} required /></div>`;
  return html`<details><summary>${words.byNumbers}</summary><form class="row end" onSubmit=${sent}>
    ${field("left", words.leftPart, 25)}${field("top", words.topPart, 25)}${field("width", words.widthPart, 50)}${field("height", words.heightPart, 50)}
    <button>${words.addRectangle}</button></form></details>`;
}

/**
 * Send the mask, and remember how it was made.
 * @param {HTMLCanvasElement | null} canvas null where nothing is masked
 * @param {Stroke[]} strokes
 */
async function keep(canvas, strokes) {
  if (!canvas) return change({ mask: null });
  const file = await fileOf(canvas);
  change({ mask: { ...(await uploaded(file)), strokes } });
}
