import type { Guard } from "../guard.ts";
import { type CompiledSource, compileSource, type SeenRequest, type TenantSource } from "./sources.ts";
import { tenantIdOf } from "./tenant-id.ts";

export interface TenantOptions {
  /** Asked in this order; the first that knows a tenant wins. Default: the header `x-tenant-id`. */
  readonly from?: readonly TenantSource[];
  /** The tenants there are. Others are not believed: their requests count as `unknown`. Default: every valid id. */
  readonly known?: readonly string[] | ((tenantId: string) => boolean);
}

/** Finds the tenant of a request. Never throws. */
export class TenantResolver {
  private readonly early: readonly CompiledSource[];
  private readonly late: readonly CompiledSource[];
  private readonly isKnown: (tenantId: string) => boolean;
  private readonly guard: Guard;

  constructor(options: TenantOptions, guard: Guard) {
    const sources = (options.from ?? [{ header: "x-tenant-id" }]).map(compileSource);
    this.early = sources.filter((source) => !source.late);
    this.late = sources.filter((source) => source.late);
    this.guard = guard;
    const { known } = options;
    if (known === undefined) this.isKnown = () => true;
    else if (typeof known === "function") this.isKnown = known;
    else {
      const ids = new Set(known);
      this.isKnown = (tenantId) => ids.has(tenantId);
    }
  }

  /** What the request itself says. `onLater` is called when a source answers with a promise. */
  atStart(request: SeenRequest, onLater: (tenantId: string) => void): string | undefined {
    return this.ask(this.early, request, onLater);
  }

  /** What is known once the application has signed its user in. */
  afterSignIn(request: SeenRequest): string | undefined {
    return this.late.length === 0 ? undefined : this.ask(this.late, request);
  }

  /** A tenant id that the application itself named, when it is valid and known. */
  accept(value: unknown): string | undefined {
    const id = tenantIdOf(value);
    return id !== undefined && this.guard.run("tenant", () => this.isKnown(id), false) ? id : undefined;
  }

  private ask(sources: readonly CompiledSource[], request: SeenRequest, onLater?: (tenantId: string) => void) {
    for (const source of sources) {
      let found: unknown;
      try {
        found = source.read(request);
      } catch (error) {
        this.guard.failed("tenant", error);
        continue;
      }
      if (found instanceof Promise) {
        found.then(
          (value) => {
            const id = this.accept(value);
            if (id !== undefined) onLater?.(id);
          },
          (error: unknown) => this.guard.failed("tenant", error),
        );
        continue;
      }
      const id = found === undefined ? undefined : this.accept(found);
      if (id !== undefined) return id;
    }
    return undefined;
  }
}
