// An Alertmanager file after loading: defaults filled in, globals inherited, names resolved. Durations in ms.
import type { LabelRecord, Matcher } from "@storewatch/model";
import type { TimeInterval } from "../time-interval.ts";
import type { Secret } from "./secret.ts";

export interface AlertmanagerConfig {
  /** The file as YAML with secrets as `<secret>`. */
  readonly original: string;
  readonly resolveTimeoutMs: number;
  readonly route: Route;
  readonly receivers: readonly ReceiverConfig[];
  readonly inhibitRules: readonly InhibitRuleConfig[];
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>;
  /** Globs of template files, absolute. */
  readonly templates: readonly string[];
}

/** A node of the routing tree with everything inherited. */
export interface Route {
  /** Matchers from the root down: `{}/{severity="critical"}`. Part of each group's key. */
  readonly key: string;
  readonly matchers: readonly Matcher[];
  readonly receiver: string;
  /** Label names, or "all" for `...`. */
  readonly groupBy: ReadonlySet<string> | "all";
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  readonly muteTimeIntervals: readonly string[];
  readonly activeTimeIntervals: readonly string[];
  readonly continue: boolean;
  /** Templates, inherited and overridden along the tree. */
  readonly labels: LabelRecord;
  readonly routes: readonly Route[];
  /** Where it stands in the file. */
  readonly path: ReadonlyArray<string | number>;
}

export interface InhibitRuleConfig {
  readonly source: readonly Matcher[];
  readonly target: readonly Matcher[];
  readonly equal: readonly string[];
  readonly path: ReadonlyArray<string | number>;
}

export interface ReceiverConfig {
  readonly name: string;
  readonly labels: LabelRecord;
  readonly integrations: readonly IntegrationConfig[];
}

export type IntegrationConfig =
  | EmailConfig
  | SlackConfig
  | WebhookConfig
  | PagerDutyConfig
  | OpsgenieConfig
  | VictorOpsConfig
  | PushoverConfig
  | TelegramConfig
  | DiscordConfig
  | MsTeamsConfig
  | MsTeamsV2Config
  | HttpReceiverConfig
  | UnsupportedConfig;

interface IntegrationBase {
  /** Place among the receiver's integrations of this kind. */
  readonly index: number;
  readonly sendResolved: boolean;
}

export interface EmailConfig extends IntegrationBase {
  readonly kind: "email";
  /** Templates, as `from`, `html`, `text` and the header values. */
  readonly to: string;
  readonly from: string;
  readonly hello: string;
  readonly host: string;
  readonly port: number;
  readonly authUsername: string;
  readonly authPassword: Secret | undefined;
  readonly authSecret: Secret | undefined;
  readonly authIdentity: string;
  readonly requireTls: boolean;
  /** Undefined: by port, 465 is implicit TLS. */
  readonly implicitTls: boolean | undefined;
  readonly tls: TlsConfig | undefined;
  /** Header name in canonical spelling → template. */
  readonly headers: LabelRecord;
  readonly html: string;
  readonly text: string;
  readonly threading: { readonly enabled: boolean; readonly byDate: "none" | "daily" };
}

export interface SlackConfig extends IntegrationBase {
  readonly kind: "slack";
  readonly url: Secret;
  /** Bot token, sent as bearer. */
  readonly token: Secret | undefined;
  readonly timeoutMs: number;
  readonly http: HttpConfig;
  /** Templates by their name in the file: channel, username, color, title, … */
  readonly texts: LabelRecord;
  readonly linkNames: boolean;
  readonly shortFields: boolean;
  readonly mrkdwnIn: readonly string[];
  readonly fields: readonly { readonly title: string; readonly value: string; readonly short: boolean | undefined }[];
  readonly actions: readonly SlackAction[];
}

export interface SlackAction {
  readonly type: string;
  readonly text: string;
  readonly url: string;
  readonly style: string;
  readonly name: string;
  readonly value: string;
  readonly confirm:
    | { readonly text: string; readonly title: string; readonly okText: string; readonly dismissText: string }
    | undefined;
}

export interface WebhookConfig extends IntegrationBase {
  readonly kind: "webhook";
  /** A template. */
  readonly url: Secret;
  /** False: the URL is made anew for each notification. */
  readonly fixedUrl: boolean;
  readonly http: HttpConfig;
  /** 0 = all. */
  readonly maxAlerts: number;
  /** Per attempt; 0 = none of its own. */
  readonly timeoutMs: number;
}

/** What all services that are asked over HTTP have. */
interface ServiceConfig extends IntegrationBase {
  readonly http: HttpConfig;
  /** Per attempt; 0 = the default. */
  readonly timeoutMs: number;
  /** Templates by their name in the file. */
  readonly texts: LabelRecord;
}

export interface PagerDutyConfig extends ServiceConfig {
  readonly kind: "pagerduty";
  /** Of the events API v2. */
  readonly url: string;
  /** For v2, a template; with only a service key the older v1 is used. */
  readonly routingKey: Secret | undefined;
  readonly serviceKey: Secret | undefined;
  /** Maps and lists whose texts are templates. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly images: readonly { readonly src: string; readonly alt: string; readonly href: string }[];
  readonly links: readonly { readonly href: string; readonly text: string }[];
}

export interface OpsgenieConfig extends ServiceConfig {
  readonly kind: "opsgenie";
  /** Ends with a slash. */
  readonly apiUrl: string;
  /** A template. */
  readonly apiKey: Secret;
  readonly details: LabelRecord;
  readonly responders: readonly {
    readonly id: string;
    readonly name: string;
    readonly username: string;
    readonly type: string;
  }[];
  readonly updateAlerts: boolean;
}

export interface VictorOpsConfig extends ServiceConfig {
  readonly kind: "victorops";
  /** Ends with a slash. */
  readonly apiUrl: string;
  readonly apiKey: Secret;
  readonly customFields: LabelRecord;
}

export interface PushoverConfig extends ServiceConfig {
  readonly kind: "pushover";
  /** Templates. */
  readonly userKey: Secret;
  readonly token: Secret;
  readonly retryMs: number;
  readonly expireMs: number;
  /** 0 = the service's own. */
  readonly ttlMs: number;
  readonly html: boolean;
  readonly monospace: boolean;
}

export interface TelegramConfig extends ServiceConfig {
  readonly kind: "telegram";
  readonly apiUrl: string;
  readonly botToken: Secret;
  /** A number as text, or a file that holds it. */
  readonly chatId: Secret;
  readonly messageThreadId: number | undefined;
  readonly disableNotifications: boolean;
  readonly parseMode: string;
}

export interface DiscordConfig extends ServiceConfig {
  readonly kind: "discord";
  readonly webhookUrl: Secret;
}

/** Cards of the retired Office 365 connectors. */
export interface MsTeamsConfig extends ServiceConfig {
  readonly kind: "msteams";
  readonly webhookUrl: Secret;
}

/** Adaptive cards, for a Teams workflow. */
export interface MsTeamsV2Config extends ServiceConfig {
  readonly kind: "msteamsv2";
  readonly webhookUrl: Secret;
}

/** Our own kind, `http_configs`: any request, made of templates. */
export interface HttpReceiverConfig extends ServiceConfig {
  readonly kind: "http";
  /** A template. */
  readonly url: Secret;
  /** False: the URL is made anew for each notification. */
  readonly fixedUrl: boolean;
  readonly method: string;
  readonly contentType: string;
  /** Templates by header name. */
  readonly headers: LabelRecord;
}

/** A kind that Alertmanager knows and this version cannot deliver to: every notification to it fails with this reason. */
export interface UnsupportedConfig extends IntegrationBase {
  readonly kind: "unsupported";
  readonly name: string;
  readonly reason: string;
}

export interface TlsConfig {
  readonly ca: Secret | undefined;
  readonly cert: Secret | undefined;
  readonly key: Secret | undefined;
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
  readonly minVersion: string | undefined;
  readonly maxVersion: string | undefined;
}

export interface HttpConfig {
  readonly basicAuth: { readonly username: Secret; readonly password: Secret } | undefined;
  readonly authorization: { readonly type: string; readonly credentials: Secret } | undefined;
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: Secret }>;
  readonly tls: TlsConfig | undefined;
  readonly followRedirects: boolean;
  readonly proxy: ProxyConfig | undefined;
  readonly oauth2: OAuth2Config | undefined;
  /** What is configured and cannot be done (a proxy of a strange kind): sending fails with this reason. */
  readonly unsupported: string | undefined;
}

export interface ProxyConfig {
  /** Proxy URL by the scheme of what is asked. */
  readonly http: Secret | undefined;
  readonly https: Secret | undefined;
  /** Hosts, domains, addresses and ranges that are asked directly; see `proxyFor`. */
  readonly noProxy: readonly string[];
  /** Sent to the proxy only. */
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: Secret }>;
}

/** Client credentials. */
export interface OAuth2Config {
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly endpointParams: LabelRecord;
  readonly tls: TlsConfig | undefined;
  readonly proxy: ProxyConfig | undefined;
}
