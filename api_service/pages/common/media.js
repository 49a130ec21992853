/** Films and sounds play on when the signed address of their file ends: a part that is not there yet is asked for anew. */

/**
 * @param {HTMLMediaElement} media
 * @param {() => Promise<string>} renewed a new address of its file
 */
export function keepPlaying(media, renewed) {
  let last = "";
  media.addEventListener("error", async () => {
    // What has a new address that fails too is not there.
    if (media.src === last) return;
    const { currentTime, paused } = media;
    last = await renewed().catch(() => media.src);
    if (media.src === last) return;
    media.src = last;
    media.currentTime = currentTime;
    if (!paused) await media.play().catch(() => null); // and else the player says so
  });
}
