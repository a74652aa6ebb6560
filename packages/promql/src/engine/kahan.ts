// Compensated (Kahan-Neumaier) sums, as upstream adds: one addend at a time, the error kept beside the sum.

export class KahanSum {
  sum = 0;
  /** The compensation; the result is sum + rest. */
  rest = 0;

  set(sum: number, rest: number): void {
    this.sum = sum;
    this.rest = rest;
  }

  add(value: number): void {
    const sum = this.sum;
    const next = sum + value;
    if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) this.rest = 0;
    else if (Math.abs(sum) >= Math.abs(value)) this.rest += sum - next + value;
    else this.rest += value - next + sum;
    this.sum = next;
  }

  get total(): number {
    return this.sum + this.rest;
  }
}
