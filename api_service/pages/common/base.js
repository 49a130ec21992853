/** Where this service is. All addresses are made here, so that it may live below a path of a proxy. */
const base = new URL(".", document.baseURI);

/** What the API's own addresses go on with, where ROOT_PATH has put the path before them. */
const OURS = /^(?:api|ws)\//;

/**
 * The address of something of this service.
 * @param {string} path with or without a slash in front; an address of another host stays as it is
 * @param {URL} from where the pages are
 * @returns {string}
 */
export function address(path, from = base) {
  // Without ROOT_PATH the API names itself as it was asked, and does not know below which path a proxy has it.
  const isOurs = path.startsWith(`${from.origin}/`) && !path.startsWith(from.href);
  if (/^https?:/.test(path) && !isOurs) return path;
  const inner = isOurs ? path.slice(from.origin.length) : path;
  if (inner.startsWith(from.pathname) && OURS.test(inner.slice(from.pathname.length))) return from.origin + inner;
  return new URL(inner.replace(/^\//, ""), from).href;
}

/**
 * The address of a WebSocket of this service.
 * @param {string} path
 * @param {URL} from where the pages are
 * @returns {string}
 */
export function socketAddress(path, from = base) {
  return address(path, from).replace(/^http/, "ws");
}
