// Arguments in, exit code out; everything else is in cli/ and app/.
import { runCli } from "./cli/program.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  workingDir: process.cwd(),
});
