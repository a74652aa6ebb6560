/** Where a command writes and starts from; tests put their own here. */
export interface CommandContext {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly workingDir: string;
}

/** 0 = done, 1 = findings or a failure, 2 = bad usage or config. */
export type ExitCode = 0 | 1 | 2;

/** The command was used wrongly: exit 2. */
export class UsageError extends Error {}
