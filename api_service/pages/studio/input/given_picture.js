/** A picture to begin with that was made here. Another page gives it by an address, which names it and its job. */
import { get } from "../../common/api.js";
import { address } from "../../common/base.js";
import { toast } from "../../common/toasts.js";
import { words } from "../messages.js";
import { change, workflow } from "../form/settings.js";

/** Take it once: a reload begins without it. */
export async function takeGivenPicture() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [id, job] = [given.get("image"), Number(given.get("job"))];
  if (!id || !job) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const { outputs } = await get("/api/v1/generation-jobs/{job_id}", { path: { job_id: job } });
    const found = outputs.find((one) => one.id === id);
    if (!found) return toast(words.pictureGone);
    beginWith(found);
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
  }
}

/** @param {import("../../common/calls.js").Schemas["OutputView"]} output that the form is to begin with */
export function beginWith({ id, filename, thumbnails, url }) {
  workflow.value = null;
  change({ image: { id, name: filename, url: address(thumbnails["300"] ?? url), full: address(url) }, mask: null });
}
