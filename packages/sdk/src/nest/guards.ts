import { BadRequestException, type CanActivate, type ExecutionContext, UnauthorizedException } from "@nestjs/common";
import { currentContext } from "../context/store.ts";
import { type MetricsAuth, mayReadMetrics } from "../metrics/exposition.ts";

/** Refuses (400) what names no shop, for controllers that cannot work without one. `@UseGuards(TenantGuard)`. */
export class TenantGuard implements CanActivate {
  canActivate(_context: ExecutionContext): boolean {
    if (currentContext()?.tenantId === undefined) throw new BadRequestException("the request names no known tenant");
    return true;
  }
}

/** Lets those in who may read the metrics, for a controller of one's own. `@UseGuards(new MetricsAuthGuard(auth))`. */
export class MetricsAuthGuard implements CanActivate {
  private readonly auth: MetricsAuth;

  constructor(auth: MetricsAuth) {
    this.auth = auth;
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>();
    if (!mayReadMetrics(this.auth, request.headers.authorization)) throw new UnauthorizedException();
    return true;
  }
}
