/** The signed address of a file ends after an hour. Here are the moments at which a new one is asked for. */
const SOON_MS = 15_000; // before its end

/**
 * @param {{url_expires_at: string}} file an output as the API shows it
 * @returns {boolean} whether its addresses have ended, or will at any moment
 */
export const isStale = (file) => Date.parse(file.url_expires_at) < Date.now() + SOON_MS;
