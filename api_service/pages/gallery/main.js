/** The gallery. */
import { html } from "../common/html.js";
import { show } from "../common/shell.js";

void show("gallery", () => html`<p class="empty">…</p>`);
