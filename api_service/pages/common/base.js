/** Where this service is. All addresses are made here, so that it may live below a path of a proxy. */
const base = new URL(".", document.baseURI);

/** What the API's own addresses go on with, where it was told the path and has put it before them. */
const OURS = /^(?:api|ws)\//;

/**
 * The address of something of this service.
 * @param {string} path with or without a slash in front; an address of another host stays as it is
 * @returns {string}
 */
export function address(path) {
  // Without ROOT_PATH the API names itself as it was asked, and does not know below which path a proxy has it.
  const isOurs = path.startsWith(`${base.origin}/`) && !path.startsWith(base.href);
  if (/^https?:/.test(path) && !isOurs) return path;
  const inner = isOurs ? path.slice(base.origin.length) : path;
  if (inner.startsWith(base.pathname) && OURS.test(inner.slice(base.pathname.length))) return base.origin + inner;
  return new URL(inner.replace(/^\//, ""), base).href;
}

/**
 * The address of a WebSocket of this service.
 * @param {string} path
 * @returns {string}
 */
export function socketAddress(path) {
  return address(path).replace(/^http/, "ws");
}
