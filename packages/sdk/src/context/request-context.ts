import { randomBytes, randomUUID } from "node:crypto";
import type { SeenRequest } from "../tenant/sources.ts";

/** Who a piece of work is done for. Log lines, metrics, errors and spans take their fields from here. */
export interface WorkContext {
  readonly requestId: string;
  /** 32 hex digits: the caller's (`traceparent`), or new. */
  readonly traceId: string;
  /** 16 hex digits of the caller's span, when there is one. */
  readonly parentSpanId: string | undefined;
  /** Undefined while no source knows it. Setting it is final; what is no valid, known id is left out. */
  tenantId: string | undefined;
  userId: string | undefined;
}

/** How a request's context finds what it is not told: shared by all requests. */
export interface ContextRules {
  acceptTenant(value: unknown): string | undefined;
  lateTenant(request: SeenRequest): string | undefined;
  user(request: SeenRequest): string | undefined;
  /** The tracer's trace of the running work, when there is a tracer. */
  traceId(inRequest: boolean): string | undefined;
}

const REQUEST_ID = /^[\w.:+/=@-]{1,128}$/;
// version - trace id - parent span - flags; an all-zero id is invalid by the standard.
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}/;

/**
 * The context of one request. Tenant and user are asked for when somebody reads them, because an application signs its
 * user in after this has been made; so a line logged afterwards carries the user without anybody having set it.
 */
export class RequestContext implements WorkContext {
  private readonly rules: ContextRules;
  private request: SeenRequest | undefined;
  private tenant: string | undefined;
  private user: string | undefined;
  private ownId: string | undefined;
  private trace: string | undefined;
  private parent: string | undefined;

  constructor(rules: ContextRules, request: SeenRequest | undefined, requestId?: string) {
    this.rules = rules;
    this.request = request;
    this.ownId = requestId;
  }

  get requestId(): string {
    if (this.ownId === undefined) {
      const header = this.request?.headers["x-request-id"];
      this.ownId = typeof header === "string" && REQUEST_ID.test(header) ? header : randomUUID();
    }
    return this.ownId;
  }

  get tenantId(): string | undefined {
    if (this.tenant === undefined && this.request !== undefined) this.tenant = this.rules.lateTenant(this.request);
    return this.tenant;
  }

  set tenantId(value: string | undefined) {
    this.tenant = value === undefined ? undefined : this.rules.acceptTenant(value);
  }

  get userId(): string | undefined {
    if (this.user === undefined && this.request !== undefined) this.user = this.rules.user(this.request);
    return this.user;
  }

  set userId(value: string | undefined) {
    this.user = value;
  }

  get traceId(): string {
    if (this.trace === undefined) this.readTrace();
    return this.trace!;
  }

  get parentSpanId(): string | undefined {
    if (this.trace === undefined) this.readTrace();
    return this.parent;
  }

  /** The tenant that a source found, accepted already. A later, slower source does not overrule the application. */
  foundTenant(tenantId: string): void {
    this.tenant ??= tenantId;
  }

  /** The request is over: what outlives it (a timer, a queue) keeps the names but not the request's memory. */
  release(): void {
    void this.tenantId;
    void this.userId;
    // An id is only made up when somebody asks for it: many requests end without.
    if (this.request?.headers.traceparent !== undefined) void this.traceId;
    if (this.request?.headers["x-request-id"] !== undefined) void this.requestId;
    this.request = undefined;
  }

  private readTrace(): void {
    const header = this.request?.headers.traceparent;
    const match = typeof header === "string" ? TRACEPARENT.exec(header) : null;
    this.trace = this.rules.traceId(this.request !== undefined) ?? match?.[1] ?? randomBytes(16).toString("hex");
    if (match?.[1] === this.trace) this.parent = match[2];
  }
}
