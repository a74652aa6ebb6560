import { ALL_TENANTS, type Clock, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import type { NewToken, SignIn, TokenView, UserView } from "@storewatch/model/api";
import { Counter } from "prom-client";
import type { Anonymous } from "../config/storewatch-config.ts";
import { StorewatchError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { randomSecret } from "../kernel/rng.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { Grant, MetadataStore, SessionRecord, TokenRecord, UserRecord } from "../store/meta/interface.ts";
import type { Principal } from "../tenant/principal.ts";
import { BriefCache } from "./brief-cache.ts";
import { sessionCookie, sessionOfCookies, tokenOfAuthorization } from "./credentials.ts";
import type { Auth, Credentials, SignedIn } from "./interface.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { hashSecret, newId, newToken } from "./secrets.ts";
import { SignInGate } from "./sign-in-gate.ts";

export interface AuthOptions {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  readonly anonymous: Anonymous;
  /** True when browsers reach the server by https only. */
  readonly secureCookies: boolean;
}

const SESSION_MS = 7 * 86_400_000;
const LINK_MS = 600_000;
const LINK_KEY = "sign-in-link:";
const CACHE_MS = 5000;
const CACHE_MAX = 10_000;
/** How exact "last used" of a token is kept. */
const TOUCH_MS = 60_000;
const CLEAN_UP_MS = 3_600_000;

export function createAuth(options: AuthOptions): Auth {
  return new StoredAuth(options);
}

class StoredAuth implements Auth {
  private readonly byToken: BriefCache<Principal>;
  private readonly bySession: BriefCache<Principal>;
  private readonly gate: SignInGate;
  private readonly failures: Counter<"kind">;
  private cleanUp: { cancel(): void };

  constructor(private readonly options: AuthOptions) {
    this.byToken = new BriefCache(options.clock, CACHE_MS, CACHE_MAX);
    this.bySession = new BriefCache(options.clock, CACHE_MS, CACHE_MAX);
    this.gate = new SignInGate(options.clock);
    this.failures = new Counter({
      name: "storewatch_auth_failures_total",
      help: "Credentials that were not valid, by kind: token, sign_in or link.",
      labelNames: ["kind"],
      registers: [options.metrics],
    });
    this.cleanUp = this.scheduleCleanUp();
  }

  async authenticate({ authorization, cookie }: Credentials): Promise<Principal | undefined> {
    if (authorization !== undefined) {
      const token = tokenOfAuthorization(authorization);
      const principal = token === undefined ? undefined : await this.principalOfToken(token);
      if (principal) return principal;
      this.failures.inc({ kind: "token" });
      throw new StorewatchError("AUTH_INVALID", {});
    }
    const session = cookie === undefined ? undefined : sessionOfCookies(cookie);
    return (session === undefined ? undefined : await this.principalOfSession(session)) ?? this.anonymous();
  }

  private anonymous(): Principal | undefined {
    const { anonymous } = this.options;
    return anonymous === "none"
      ? undefined
      : { name: "anonymous", role: anonymous, scope: ALL_TENANTS, via: "anonymous" };
  }

  private async principalOfToken(token: string): Promise<Principal | undefined> {
    const hash = hashSecret(token);
    const cached = this.byToken.get(hash);
    if (cached) return cached;
    const record = await this.options.store.tokenByHash(hash);
    if (!record) return undefined;
    const nowMs = this.options.clock.nowMs();
    if (nowMs - (record.lastUsedAtMs ?? 0) > TOUCH_MS) await this.options.store.touchToken(record.id, nowMs);
    const principal: Principal = { ...principalOf(record), via: "token" };
    this.byToken.set(hash, principal);
    return principal;
  }

  private async principalOfSession(value: string): Promise<Principal | undefined> {
    const hash = hashSecret(value);
    const cached = this.bySession.get(hash);
    if (cached) return cached;
    const record = await this.options.store.sessionByHash(hash);
    if (!record || record.expiresAtMs <= this.options.clock.nowMs()) return undefined;
    const principal: Principal = { ...principalOf(record), via: "cookie" };
    this.bySession.set(hash, principal);
    return principal;
  }

  async signIn(request: SignIn, address: string): Promise<SignedIn> {
    const signedIn = await this.gate.attempt(address, async () => {
      if ("token" in request) {
        const record = await this.options.store.tokenByHash(hashSecret(request.token));
        // ingest and scrape tokens stand in config files of machines: they open no session.
        const usable = record && record.role !== "ingest" && record.role !== "scrape";
        return usable ? this.openSession(record, { userId: null, tokenId: record.id }) : undefined;
      }
      const user = await this.options.store.userByName(request.user);
      const right = await verifyPassword(user?.passwordHash, request.password);
      return user && right ? this.openSession(user, { userId: user.id, tokenId: null }) : undefined;
    });
    if (!signedIn) {
      this.failures.inc({ kind: "sign_in" });
      this.options.logger.warn({ address }, "a sign-in failed");
      throw new StorewatchError("AUTH_SIGN_IN", {});
    }
    await this.audit(signedIn.principal, "session.open", "user" in request ? "password" : "token");
    return signedIn;
  }

  private async openSession(
    owner: Grant & { readonly name: string },
    whose: Pick<SessionRecord, "userId" | "tokenId">,
  ): Promise<SignedIn> {
    const value = randomSecret(32);
    const createdAtMs = this.options.clock.nowMs();
    const { name, role, tenants } = owner;
    await this.options.store.addSession({
      hash: hashSecret(value),
      name,
      role,
      tenants,
      ...whose,
      createdAtMs,
      expiresAtMs: createdAtMs + SESSION_MS,
    });
    const cookie = sessionCookie(value, { secure: this.options.secureCookies, maxAgeSeconds: SESSION_MS / 1000 });
    return { principal: { ...principalOf(owner), via: "cookie" }, cookie };
  }

  async signOut(cookieHeader: string | undefined): Promise<string> {
    const value = cookieHeader === undefined ? undefined : sessionOfCookies(cookieHeader);
    if (value !== undefined) await this.options.store.deleteSession(hashSecret(value));
    this.bySession.clear();
    return sessionCookie("", { secure: this.options.secureCookies, maxAgeSeconds: 0 });
  }

  async createSignInLink(): Promise<string> {
    const token = randomSecret(32);
    const expiresAtMs = this.options.clock.nowMs() + LINK_MS;
    await this.options.store.putValue(LINK_KEY + hashSecret(token), "admin", expiresAtMs);
    return token;
  }

  async redeemSignInLink(token: string, address: string): Promise<SignedIn> {
    const signedIn = await this.gate.attempt(address, async () => {
      const key = LINK_KEY + hashSecret(token);
      const found = await this.options.store.takeValue(key, this.options.clock.nowMs());
      const owner = { name: "owner", role: "admin", tenants: null } as const;
      return found === undefined ? undefined : this.openSession(owner, { userId: null, tokenId: null });
    });
    if (!signedIn) {
      this.failures.inc({ kind: "link" });
      throw new StorewatchError("AUTH_LINK_USED", {});
    }
    await this.audit(signedIn.principal, "session.open", "link");
    return signedIn;
  }

  async users(): Promise<readonly UserView[]> {
    return (await this.options.store.users()).map(userView);
  }

  async createUser(
    { name, password, role, tenants }: Parameters<Auth["createUser"]>[0],
    by: Principal,
  ): Promise<UserView> {
    const passwordHash = await hashPassword(password);
    const user: UserRecord = {
      id: newId(),
      name,
      passwordHash,
      role,
      tenants,
      createdAtMs: this.options.clock.nowMs(),
    };
    if (!(await this.options.store.addUser(user))) {
      throw new StorewatchError("CONFLICT", { reason: `there is a user ${name} already` });
    }
    await this.audit(by, "user.create", name, grantText(user));
    return userView(user);
  }

  async deleteUser(id: string, by: Principal): Promise<void> {
    const user = (await this.options.store.users()).find((known) => known.id === id);
    if (!user || !(await this.options.store.deleteUser(id)))
      throw new StorewatchError("NOT_FOUND", { what: "such user" });
    this.bySession.clear();
    await this.audit(by, "user.delete", user.name);
  }

  async tokens(): Promise<readonly TokenView[]> {
    return (await this.options.store.tokens()).map(tokenView);
  }

  async createToken(request: NewToken, by: Principal): Promise<TokenView & { readonly token: string }> {
    const { token, record } = await storeToken(this.options.store, this.options.clock, request, by.name);
    await this.audit(by, "token.create", request.name, grantText(record));
    return { ...tokenView(record), token };
  }

  async deleteToken(id: string, by: Principal): Promise<void> {
    const token = (await this.options.store.tokens()).find((known) => known.id === id);
    if (!token || !(await this.options.store.deleteToken(id)))
      throw new StorewatchError("NOT_FOUND", { what: "such token" });
    this.byToken.clear();
    this.bySession.clear();
    await this.audit(by, "token.delete", token.name);
  }

  async audit(by: Principal, action: string, subject: string, detail = ""): Promise<void> {
    await this.options.store.audit({ atMs: this.options.clock.nowMs(), who: by.name, action, subject, detail });
  }

  private scheduleCleanUp(): { cancel(): void } {
    const { store, clock, logger } = this.options;
    return clock.setTimer(CLEAN_UP_MS, () => {
      store
        .deleteExpired(clock.nowMs())
        .catch((error: unknown) => logger.error({ error }, "old sessions were not removed"));
      this.cleanUp = this.scheduleCleanUp();
    });
  }

  close(): void {
    this.cleanUp.cancel();
  }
}

/** Makes and stores a token; the command line does it beside a running server, which finds it in the database. */
export async function storeToken(
  store: MetadataStore,
  clock: Clock,
  { name, role, tenants }: NewToken,
  createdBy: string,
): Promise<{ token: string; record: TokenRecord }> {
  const token = newToken();
  const createdAtMs = clock.nowMs();
  const record = {
    id: newId(),
    name,
    hash: hashSecret(token),
    role,
    tenants,
    createdAtMs,
    createdBy,
    lastUsedAtMs: null,
  };
  await store.putToken(record);
  return { token, record };
}

function principalOf({ name, role, tenants }: Grant & { readonly name: string }): Omit<Principal, "via"> {
  return { name, role, scope: scopeOf(tenants) };
}

function scopeOf(tenants: readonly string[] | null): TenantScope {
  if (tenants === null) return ALL_TENANTS;
  return tenantScope(tenants.map(parseTenantId).filter((id) => id !== undefined));
}

function grantText({ role, tenants }: Grant): string {
  return `${role}, ${tenants === null ? "all shops" : tenants.join(" ")}`;
}

function userView({ id, name, role, tenants, createdAtMs }: UserRecord): UserView {
  // Users are made with these roles only; anything else in the table gets the least.
  const shown = role === "admin" || role === "editor" ? role : "viewer";
  return { id, name, role: shown, tenants: tenants && [...tenants], createdAtMs };
}

function tokenView({ id, name, role, tenants, createdAtMs, createdBy, lastUsedAtMs }: TokenRecord): TokenView {
  return { id, name, role, tenants: tenants && [...tenants], createdAtMs, createdBy, lastUsedAtMs };
}
