/** What all pages say. Each page has a file of its own beside this. */
export const words = {
  product: "Genonaut",
  pages: "Pages",
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
  /** What to do about a refusal, where the API does not say it. @type {Record<string, ((why: string) => string) | undefined>} */
  codes: {
    forbidden: (why) => `${why}. Ask whoever runs this service for such a key, sign out, and sign in with it.`,
    server_exists: () => "There is a server of this address already. Change it where it stands in the list.",
    body_too_large: (why) => `This is too long to be sent: ${why}. Shorten it.`,
  },
  notLoaded: "This page could not be filled",
  tryAgain: "Try again",
  lost: "Connection lost. Trying again …",
  close: "Close",
  cancel: "Cancel",
  undo: "Undo",
  copied: "Copied",
  loading: "Loading …",
  pictureOfJobGone: "The picture that this job began with was deleted, so it cannot be made again. Use its settings, with another picture.",
  maskOfJobGone: "The mask of this job was deleted, so it cannot be made again. Use its settings, with another mask.",
  /** @param {string} which */
  fileOfJobGone: (which) => `A file that this job takes was deleted, so it cannot be made again: ${which}`,
  failedPage: "Something in this page broke. Reload it; if it stays so, tell whoever runs this service:",
};

/**
 * Whether a sentence holds no longer than nobody answers.
 * @param {string} [sentence]
 */
export const isOfNoAnswer = (sentence) => sentence === words.noAnswer || sentence === words.notSent;

/** What outputs are that are no picture. @type {Record<string, string>} */
export const kinds = { video: "video", audio: "sound", text: "text", tensors: "tensors", other: "file" };

/** @type {Record<import("./calls.js").Schemas["JobStatus"], string>} */
const ALL_STATUSES = {
  pending: "Waiting for its time",
  queued: "Waiting",
  running: "Running",
  cancelling: "Being cancelled",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
};
/** @type {Record<string, string>} */
export const statuses = ALL_STATUSES;
