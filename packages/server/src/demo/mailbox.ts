// A real SMTP server on a free loopback port, so that `npm start` sends real e-mail without an account anywhere.
import type { AddressInfo } from "node:net";
import PostalMime, { type Address, type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";
import type { Logger } from "../kernel/logger.ts";
import type { Inbox } from "./inbox.ts";

const MAIL_BYTES_MAX = 1 << 20;
const TEXT_MAX = 200_000;

export interface Mailbox {
  readonly port: number;
  close(): Promise<void>;
}

export async function startMailbox(inbox: Inbox, logger: Logger): Promise<Mailbox> {
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    authOptional: true,
    allowInsecureAuth: true,
    size: MAIL_BYTES_MAX,
    onAuth: (auth, _session, done) => done(null, { user: auth.username ?? "anyone" }),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAIL_BYTES_MAX) chunks.push(chunk);
      });
      stream.on("end", () => {
        if (bytes > MAIL_BYTES_MAX) return done(Object.assign(new Error("message too large"), { responseCode: 552 }));
        const to = session.envelope.rcptTo.map((recipient) => recipient.address);
        read(Buffer.concat(chunks), to).then(
          (message) => {
            inbox.add(message);
            done();
          },
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        );
      });
    },
  });
  server.on("error", (error) => logger.warn({ err: error }, "mailbox"));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { port } = server.server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function read(raw: Buffer, envelopeTo: readonly string[]) {
  const mail: Email = await PostalMime.parse(raw);
  return {
    kind: "email" as const,
    from: addressText(mail.from),
    to: mail.to?.map(addressText) ?? [...envelopeTo],
    subject: (mail.subject ?? "").slice(0, 1000),
    text: (mail.text ?? "").slice(0, TEXT_MAX),
    html: mail.html?.slice(0, TEXT_MAX) ?? null,
  };
}

function addressText(address: Address | undefined): string {
  if (!address) return "";
  return address.name ? `${address.name} <${address.address ?? ""}>` : (address.address ?? "");
}
