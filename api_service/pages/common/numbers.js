/**
 * JSON with whole numbers beyond what JavaScript counts exactly, such as the seeds of ComfyUI: they are bigints here.
 * Where a browser does not say how a number was written, it is what JavaScript makes of it.
 */
const exact = /** @type {any} */ (JSON);

const MAY_BE_LARGE = /\d{16}/;

/**
 * @param {string} text
 * @returns {any} what JSON.parse makes of it, with large whole numbers as bigints. Throws a SyntaxError
 */
export function parsed(text) {
  // Most texts have none, and asking about each value takes several times as long.
  return MAY_BE_LARGE.test(text) ? exact.parse(text, kept) : JSON.parse(text);
}

/**
 * @param {string} _
 * @param {any} value
 * @param {{source?: string}} [context]
 */
const kept = (_, value, context) => (typeof value === "number" && context?.source ? numberOf(context.source) : value);

/**
 * @param {string} text of a number
 * @returns {number | bigint}
 */
export function numberOf(text) {
  const value = Number(text);
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(text) ? BigInt(text) : value;
}

/**
 * @param {any} value
 * @param {number} [indent]
 * @returns {string} as JSON.stringify makes it, with bigints as numbers
 */
export function written(value, indent) {
  return JSON.stringify(value, (_, one) => (typeof one === "bigint" ? (exact.rawJSON?.(String(one)) ?? Number(one)) : one), indent);
}
