/** A line that is not in the notation. */
export class SeriesSyntaxError extends Error {}
