/** The dashboard. */
import { html } from "../common/html.js";
import { show } from "../common/shell.js";

void show("dashboard", () => html`<p class="empty">…</p>`);
