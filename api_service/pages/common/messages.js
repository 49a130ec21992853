/** What all pages say. Each page has a file of its own beside this. */
export const words = {
  product: "Genonaut",
  studio: "Studio",
  gallery: "Gallery",
  dashboard: "Dashboard",
  signOut: "Sign out",
  theme: "Light or dark",
  skip: "Skip to the content",
  noAnswer: "The service does not answer. Look at your connection; this page tries again by itself.",
  notSent: "The service does not answer. Look at your connection, and try again.",
  /** @param {number} status */
  refused: (status) => `The service refused this (${status}), and did not say why. Try again in a minute.`,
  lost: "Connection lost. Trying again …",
  close: "Close",
  cancel: "Cancel",
  undo: "Undo",
  copied: "Copied",
  loading: "Loading …",
  failedPage: "Something in this page broke. Reload it; if it stays so, tell whoever runs this service:",
};

/** @type {Record<string, string>} */
export const statuses = {
  pending: "Waiting for its time",
  queued: "Waiting",
  running: "Running",
  processing: "Storing",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
};
