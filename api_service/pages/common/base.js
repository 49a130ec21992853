/** Where this service is. All addresses are made here, so that it may live below a path of a proxy. */
const base = new URL(".", document.baseURI);

/**
 * The address of something of this service.
 * @param {string} path with or without a slash in front; an address of another host stays as it is
 * @returns {string}
 */
export function address(path) {
  if (/^https?:/.test(path)) return path;
  return new URL(path.replace(/^\//, ""), base).href;
}

/**
 * The address of a WebSocket of this service.
 * @param {string} path
 * @returns {string}
 */
export function socketAddress(path) {
  return address(path).replace(/^http/, "ws");
}
