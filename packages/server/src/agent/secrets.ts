// Passwords of back ends: from the configuration or a file, and never in what the agent says.
import { readFileSync } from "node:fs";

/** The file's text without its line end. Throws with the file's name and no content. */
export function readSecretFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file}: ${(error as NodeJS.ErrnoException).code ?? "cannot be read"}`);
  }
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "") throw new Error(`${file} is empty`);
  return secret;
}

/** An error's message with every secret taken out; a back end may repeat what it was sent. */
export function withoutSecrets(error: unknown, secrets: ReadonlyArray<string | undefined>): string {
  let text = error instanceof AggregateError && error.message === "" ? messageOf(error.errors[0]) : messageOf(error);
  for (const secret of secrets) {
    if (secret === undefined || secret === "") continue;
    text = text.replaceAll(secret, "<secret>").replaceAll(encodeURIComponent(secret), "<secret>");
  }
  return text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
