/** Text that is no matcher. */
export class MatcherError extends Error {}
