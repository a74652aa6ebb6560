// Receives generic webhooks and Slack messages on a free loopback port.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import type { Inbox, ReceivedMessage } from "./inbox.ts";

const BODY_BYTES_MAX = 1 << 20;

export interface WebhookInbox {
  /** Base URL: POST /webhook takes the generic form, POST /slack Slack's. */
  readonly url: string;
  close(): Promise<void>;
}

const readers: Readonly<Record<string, (body: unknown, from: string) => ReceivedMessage>> = {
  "/webhook": readWebhook,
  "/slack": readSlack,
};

export async function startWebhookInbox(inbox: Inbox): Promise<WebhookInbox> {
  const server = createServer((request, response) => {
    const reader = readers[request.url ?? ""];
    if (request.method !== "POST" || !reader) return void response.writeHead(404).end("not found");
    readBody(request)
      .then((body) => {
        inbox.add(reader(JSON.parse(body), request.headers["user-agent"] ?? ""));
        response.writeHead(200, { "content-type": "text/plain" }).end("ok");
      })
      .catch(() => response.writeHead(400, { "content-type": "text/plain" }).end("invalid_payload"));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    // Read to its end, or the sender would see a broken connection instead of the answer.
    if (bytes <= BODY_BYTES_MAX) chunks.push(buffer);
  }
  if (bytes > BODY_BYTES_MAX) throw new Error("too large");
  return Buffer.concat(chunks).toString("utf8");
}

const texts = z.record(z.string(), z.string());
const webhookSchema = z.looseObject({
  status: z.string(),
  receiver: z.string(),
  commonLabels: texts.default({}),
  alerts: z.array(z.looseObject({ status: z.string(), labels: texts, annotations: texts.default({}) })),
});
type WebhookBody = z.infer<typeof webhookSchema>;

function readWebhook(body: unknown, from: string): ReceivedMessage {
  const data = webhookSchema.parse(body);
  const name = data.commonLabels.alertname ?? "several alerts";
  const tenant = data.commonLabels.tenant_id;
  return {
    kind: "webhook",
    from,
    to: [data.receiver],
    subject: `[${data.status.toUpperCase()}] ${name}${tenant ? `: ${tenant}` : ""}`,
    text: `${data.alerts.map(alertText).join("\n\n")}\n\n${JSON.stringify(body, null, 2)}`,
    html: null,
  };
}

function alertText({ status, labels, annotations }: WebhookBody["alerts"][number]): string {
  const names = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [`[${status}] ${annotations.summary ?? names.join(" ")}`, annotations.description, names.join(" ")]
    .filter((line) => line !== undefined)
    .join("\n");
}

const attachment = z.looseObject({ title: z.string().default(""), text: z.string().default("") });
const slackSchema = z.looseObject({
  channel: z.string().optional(),
  username: z.string().optional(),
  text: z.string().optional(),
  attachments: z.array(attachment).default([]),
});

function readSlack(body: unknown, from: string): ReceivedMessage {
  const data = slackSchema.parse(body);
  const [first] = data.attachments;
  return {
    kind: "slack",
    from: data.username ?? from,
    to: data.channel ? [data.channel] : [],
    subject: first?.title ?? data.text?.split("\n")[0] ?? "",
    text: [data.text, ...data.attachments.map((a) => a.text)].filter(Boolean).join("\n"),
    html: null,
  };
}
