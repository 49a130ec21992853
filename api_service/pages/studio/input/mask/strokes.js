/** A mask is the strokes that made it, in parts of the picture's size: so they can be undone and drawn at any size. */

/**
 * @typedef {{kind: "all"}} All
 * @typedef {{kind: "rectangle", left: number, top: number, width: number, height: number}} Rectangle
 * @typedef {{kind: "line", isErasing: boolean, size: number, points: [number, number][]}} Line
 * @typedef {All | Rectangle | Line} Stroke
 */

const LOOKED_AT = 64; // pixels a side, of which the covered share is counted
const OPAQUE = 255;

/**
 * Draw a mask anew.
 * @param {HTMLCanvasElement} canvas
 * @param {Stroke[]} strokes
 * @param {string} colour
 */
export function draw(canvas, strokes, colour) {
  const context = contextOf(canvas);
  context.globalCompositeOperation = "source-over";
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const stroke of strokes) drawStroke(canvas, stroke, colour);
}

/**
 * Draw one more stroke.
 * @param {HTMLCanvasElement} canvas
 * @param {Stroke} stroke
 * @param {string} colour
 */
export function drawStroke(canvas, stroke, colour) {
  const context = contextOf(canvas);
  const { width, height } = canvas;
  context.globalCompositeOperation = stroke.kind === "line" && stroke.isErasing ? "destination-out" : "source-over";
  context.fillStyle = context.strokeStyle = colour;
  if (stroke.kind === "all") return context.fillRect(0, 0, width, height);
  if (stroke.kind === "rectangle") return context.fillRect(stroke.left * width, stroke.top * height, stroke.width * width, stroke.height * height);
  context.lineWidth = stroke.size * width;
  context.lineCap = context.lineJoin = "round";
  const [[x, y], ...rest] = stroke.points;
  context.beginPath();
  // A line of no length is not drawn at all, so a single point is a disc.
  if (!rest.length) return context.arc(x * width, y * height, context.lineWidth / 2, 0, 2 * Math.PI), context.fill();
  context.moveTo(x * width, y * height);
  for (const [nextX, nextY] of rest) context.lineTo(nextX * width, nextY * height);
  context.stroke();
}

/**
 * How much of the picture is covered.
 * @param {HTMLCanvasElement} canvas
 * @returns {number} from 0 to 1
 */
export function shareOf(canvas) {
  const small = new OffscreenCanvas(LOOKED_AT, LOOKED_AT);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (small.getContext("2d"));
  context.drawImage(canvas, 0, 0, LOOKED_AT, LOOKED_AT);
  const { data } = context.getImageData(0, 0, LOOKED_AT, LOOKED_AT);
  let sum = 0;
  for (let alpha = 3; alpha < data.length; alpha += 4) sum += data[alpha];
  return sum / OPAQUE / (LOOKED_AT * LOOKED_AT);
}

/**
 * The mask as the API takes it: white is painted over, black stays.
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<File>}
 */
export async function fileOf(canvas) {
  const made = new OffscreenCanvas(canvas.width, canvas.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (made.getContext("2d"));
  context.drawImage(canvas, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, made.width, made.height);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, made.width, made.height);
  return new File([await made.convertToBlob({ type: "image/png" })], "mask.png", { type: "image/png" });
}

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
