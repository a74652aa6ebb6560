// Which processes belong to which group.
import { compileRe2 } from "@storewatch/model";
import { z } from "zod";

const regex = z.string().transform((text, context) => {
  try {
    return compileRe2(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
const words = z.array(z.string().min(1)).min(1).optional();

export const groupSchema = z.strictObject({
  name: z.string().min(1).optional().describe("Value of the label `groupname`; without it the name of the process."),
  comm: words.describe("Names of processes, at most 15 letters as the kernel keeps them."),
  exe: words.describe("Programs: whole paths, or the last part of them."),
  cmdline: z
    .array(regex)
    .min(1)
    .optional()
    .describe("Regular expressions (RE2); each has to be found in the command line."),
});

export type ProcessGroup = z.output<typeof groupSchema>;

/** What is known of a process before it is in a group; the dearer facts are read when a group asks. */
export interface Candidate {
  readonly comm: string;
  exe(): string;
  cmdline(): string;
}

/** Label `groupname` of the first group that takes it. */
export function groupNameOf(groups: readonly ProcessGroup[], candidate: Candidate): string | undefined {
  const group = groups.find((each) => matches(each, candidate));
  return group && (group.name ?? candidate.comm);
}

function matches({ comm, exe, cmdline }: ProcessGroup, candidate: Candidate): boolean {
  if (comm && !comm.includes(candidate.comm)) return false;
  if (exe) {
    const program = candidate.exe();
    if (!exe.some((each) => each === program || (!each.includes("/") && program.endsWith(`/${each}`)))) return false;
  }
  return !cmdline || cmdline.every((pattern) => finds(pattern, candidate.cmdline()));
}

function finds(pattern: ReturnType<typeof compileRe2>, text: string): boolean {
  return pattern.matcher(text).find();
}
