/** The shipped alert that always fires, so that its absence is the alarm: a sign of life and no news. */
export const WATCHDOG = "Watchdog";
