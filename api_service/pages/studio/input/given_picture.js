/** A picture to begin with that another page gives: the address names the output and its job. */
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
    workflow.value = null;
    change({ image: { id, name: found.filename, url: address(found.thumbnails["300"] ?? found.url), full: address(found.url) }, mask: null });
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
  }
}
