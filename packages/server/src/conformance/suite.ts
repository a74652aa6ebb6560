// A conformance suite runs the peers' own test data, found under a folder that the user names.

export interface SuiteReport {
  pass(name: string): void;
  fail(name: string, reason: string): void;
  /** A skip needs a written reason. */
  skip(name: string, reason: string): void;
}

export interface Suite {
  /** Printed as `name: N passed, N failed`. */
  readonly name: string;
  /** Path below the data folder that must exist for the suite to run. */
  readonly needs: string;
  run(dataDir: string, report: SuiteReport): Promise<void>;
}
