// E-mail over SMTP: text and HTML, threaded by group.
import { createHash, randomUUID } from "node:crypto";
import type { NotificationData } from "@storewatch/model";
import type { Transporter } from "nodemailer";
import type { EmailConfig } from "../../alerts/config/index.ts";
import { TemplateError } from "../../template/index.ts";
import type { IntegrationDependencies } from "../dependencies.ts";
import { tlsOf } from "../http.ts";
import type { DeliveryRecord, DeliveryResult, Integration } from "../interface.ts";
import { maskOf } from "../masking.ts";
import { createRenderer, type Renderer } from "../renderer.ts";
import { AddressError, parseAddresses } from "./addresses.ts";

const DEFAULT_SUBJECT = '{{ template "email.default.subject" . }}';
const CONNECT_MS = 15_000;
const SILENCE_MS = 60_000;
/** A slow server may take its time over each step. */
const ATTEMPT_MS = 180_000;

export function createEmail(config: EmailConfig, deps: IntegrationDependencies): Integration {
  return {
    kind: "email",
    index: config.index,
    sendResolved: config.sendResolved,
    timeoutMs: ATTEMPT_MS,
    describe: async () => `mail to ${config.to} by ${config.host}:${config.port}`,
    async send(data, signal) {
      let record: DeliveryRecord = { target: "mail", subject: "", body: "", answer: "" };
      try {
        const message = composeMail(config, createRenderer(deps.templates, data), data, deps.clock.nowMs());
        const body = message.text || message.html;
        record = { ...record, target: `mail to ${message.to.join(", ")}`, subject: message.subject, body };
        return await submit(config, message, record, signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const final = error instanceof TemplateError || error instanceof AddressError;
        return final ? { outcome: "failed", reason, record } : { outcome: "retry", reason, record };
      }
    },
  };
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly date: Date;
  /** All further headers, To and From as the reader sees them included. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Throws TemplateError or AddressError. */
export function composeMail(config: EmailConfig, render: Renderer, data: NotificationData, nowMs: number): Mail {
  const from = parseAddresses("from", render.text("'from'", config.from));
  if (from.length !== 1) throw new AddressError(`must be exactly one 'from' address (got: ${from.length})`);
  const to = parseAddresses("to", render.text("'to'", config.to));
  const headers: Record<string, string> = {
    To: render.text("'to'", config.to),
    From: render.text("'from'", config.from),
  };
  for (const [name, template] of Object.entries(config.headers))
    headers[name] = render.text(`"${name}" header`, template);
  const subject = oneLine(headers.Subject ?? render.text("subject", DEFAULT_SUBJECT));
  delete headers.Subject;
  const host = from[0].slice(from[0].lastIndexOf("@") + 1);
  if (config.threading.enabled) Object.assign(headers, threadHeaders(config, data, host, nowMs));
  return {
    from: from[0],
    to,
    subject,
    text: render.text("text", config.text),
    html: render.html("html", config.html),
    messageId: `<${nowMs}.${randomUUID()}@${host}>`,
    date: new Date(nowMs),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, oneLine(value)])),
  };
}

/** Answers to a message that was never sent: mail programs put what refers to it into one thread. */
function threadHeaders(
  config: EmailConfig,
  data: NotificationData,
  host: string,
  nowMs: number,
): Record<string, string> {
  const day = config.threading.byDate === "daily" ? new Date(nowMs).toISOString().slice(0, 10) : "";
  const id = createHash("sha256").update(`${data.groupKey}\u0000${day}`).digest("hex").slice(0, 32);
  const root = `<alert-${id}${day && `-${day}`}@${host}>`;
  return { References: root, "In-Reply-To": root };
}

/** A line break in a rendered value would start a header of the alert's choosing. */
function oneLine(value: string): string {
  return value.replaceAll(/[\r\n\0]+/g, " ").trim();
}

async function submit(
  config: EmailConfig,
  mail: Mail,
  record: DeliveryRecord,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const password = (await config.authPassword?.reveal()) ?? (await config.authSecret?.reveal());
  const mask = maskOf([password]);
  const transport = await openTransport(config, password);
  const abort = () => transport.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const sent = transport.sendMail({
      envelope: { from: mail.from, to: [...mail.to] },
      from: mail.headers.From,
      to: mail.headers.To,
      subject: mail.subject,
      text: mail.text || undefined,
      html: mail.html || undefined,
      messageId: mail.messageId,
      date: mail.date,
      headers: otherHeaders(mail),
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const info = (await abortable(sent, signal)) as { response?: string };
    return { outcome: "delivered", record: { ...record, answer: mask(info.response ?? "") } };
  } catch (error) {
    const reason = mask(error instanceof Error ? error.message : String(error));
    return smtpFailure(error, reason, { ...record, answer: mask(responseOf(error)) });
  } finally {
    signal.removeEventListener("abort", abort);
    transport.close();
  }
}

function otherHeaders(mail: Mail): { key: string; value: string }[] {
  const own = new Set(["To", "From"]);
  return Object.entries(mail.headers)
    .filter(([name]) => !own.has(name))
    .map(([key, value]) => ({ key, value }));
}

/** TLS from the first byte, without STARTTLS. */
export function usesImplicitTls(config: Pick<EmailConfig, "implicitTls" | "port">): boolean {
  return config.implicitTls ?? config.port === 465;
}

async function openTransport(config: EmailConfig, password: string | undefined): Promise<Transporter> {
  // At the first mail: most processes send none, and the client costs a start 40 ms and 6 MB.
  const { createTransport } = await import("nodemailer");
  const { host, port, hello, requireTls } = config;
  const secure = usesImplicitTls(config);
  const tls = config.tls && (await tlsOf(config.tls));
  return createTransport({
    host: host === "" ? "localhost" : host,
    port,
    name: hello,
    secure,
    // As upstream: STARTTLS exactly when it is required.
    requireTLS: !secure && requireTls,
    ignoreTLS: !secure && !requireTls,
    tls: tls && {
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      servername: tls.serverName,
      rejectUnauthorized: !tls.insecureSkipVerify,
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
    },
    auth: config.authUsername ? { user: config.authUsername, pass: password ?? "" } : undefined,
    authMethod: config.authSecret && !config.authPassword ? "CRAM-MD5" : undefined,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
  });
}

/** A refusal of these recipients or of this message stays one; all else (connection, TLS, sign-in) can be put right meanwhile. */
function smtpFailure(error: unknown, reason: string, record: DeliveryRecord): DeliveryResult {
  const { responseCode, code } = (error ?? {}) as { responseCode?: number; code?: string };
  const permanent = responseCode !== undefined && responseCode >= 500 && (code === "EENVELOPE" || code === "EMESSAGE");
  return permanent ? { outcome: "failed", reason, record } : { outcome: "retry", reason, record };
}

function responseOf(error: unknown): string {
  const { response } = (error ?? {}) as { response?: unknown };
  return typeof response === "string" ? response : "";
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
