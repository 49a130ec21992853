/** A file as the picture to begin with: looked at first, then uploaded. */
import { signal } from "@preact/signals";
import { complain, settle } from "../../common/toasts.js";
import { change, workflow } from "../form/settings.js";
import { words } from "../messages.js";
import { isGiven } from "./given_picture.js";
import { uploaded } from "./upload.js";

export const isUploading = signal(false);

/** @param {File} file */
export async function beginWithFile(file) {
  isUploading.value = true;
  try {
    if (!(await isPicture(file))) return complain(words.noPicture(file.name));
    const { id, url } = await uploaded(file);
    settle();
    workflow.value = null;
    isGiven.value = true;
    change({ image: { id, name: file.name, url, full: url }, mask: null });
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  } finally {
    isUploading.value = false;
  }
}

/** What this browser cannot show was no picture when the job began, either. @param {File} file */
async function isPicture(file) {
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch {
    return false;
  }
}
