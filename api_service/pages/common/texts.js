/** Numbers and times as people read them. */
const UNITS = ["B", "kB", "MB", "GB", "TB"];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/**
 * @param {number} bytes
 * @returns {string} such as "1.4 MB"
 */
export function size(bytes) {
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${UNITS[unit]}`;
}

/**
 * @param {number} seconds
 * @returns {string} such as "12 s", "3 min", "2.5 h", "4 d"
 */
export function duration(seconds) {
  if (seconds < 1) return "< 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/**
 * @param {string} code of the API, such as "out_of_memory"
 * @returns {string} such as "Out of memory"
 */
export function inWords(code) {
  const said = code.replaceAll("_", " ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/**
 * @param {string} said by a program
 * @returns {string} without the numbers of the system's errors, whose names stand behind them
 */
export const withoutNumbers = (said) => said.replace(/\[Errno -?\d+\] /g, "");

/**
 * @param {string} moment ISO 8601
 * @returns {string} such as "5 minutes ago"
 */
export function ago(moment) {
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(Math.round(seconds), "second");
  if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/**
 * @param {string} moment ISO 8601
 * @returns {string} the date and time here, of what has no seconds
 */
export function minute(moment) {
  return new Date(moment).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

/**
 * @param {string} moment ISO 8601
 * @returns {string} the date and time here
 */
export function at(moment) {
  return new Date(moment).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" });
}
