/** What the page's one stream tells of one job: what happened to it, how far it is, and what it looks like now. */
import { useEffect, useState } from "preact/hooks";
import { ENDS, followAll, followJob, listen, listenToPreviews } from "../../common/live.js";
import { FAST_MS } from "../resource.js";
import { to } from "../route.js";

/** @typedef {{type: string, sequence: number, at: string, data: any}} Event */

/**
 * @param {number} id
 * @param {() => Promise<void>} reload
 * @returns {{events: Event[], percentage: number | null, preview: string}} the events from the first one on
 */
export function useJobLive(id, reload) {
  const [events, setEvents] = useState(/** @type {Event[]} */ ([]));
  const [percentage, setPercentage] = useState(/** @type {number | null} */ (null));
  const [preview, setPreview] = useState("");
  useEffect(() => {
    let asked = 0;
    let known = 0;
    const happened = (/** @type {any} */ event) => {
      setEvents((old) => [...old.filter((one) => one.sequence !== event.sequence), event]);
      // What was before the page came is in what it asked for.
      if (event.sequence <= known) return;
      setPercentage(null);
      if (event.type !== "started") setPreview("");
      if (ENDS.includes(event.type) || Date.now() - asked > FAST_MS) void reload();
      asked = Date.now();
    };
    const stops = [listen((event) => {
      if (event.job_id !== id) return;
      if (event.type === "snapshot") known = event.sequence;
      else if (event.type === "processing") setPercentage(event.data.percentage);
      // It would be asked for in vain.
      else if (event.type === "deleted") location.hash = to("jobs");
      else if (event.sequence) happened(event);
    }), listenToPreviews(id, setPreview)];
    followJob(id);
    return () => {
      for (const stop of stops) stop();
      followAll();
    };
  }, [id, reload]);
  return { events, percentage, preview };
}
