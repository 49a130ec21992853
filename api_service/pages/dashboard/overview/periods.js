/** How far back charts go. */
import { DAY_S } from "./chart.js";

/** @typedef {"hour" | "day" | "month"} Period */

export const DAYS = 30;
/** @type {Record<Period, number>} in seconds */
export const LENGTHS = { hour: 3_600, day: DAY_S, month: DAYS * DAY_S };
export const LOOK_MS = 60_000; // charts are of minutes
