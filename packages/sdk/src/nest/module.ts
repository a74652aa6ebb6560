// NestJS 11 and 12, on Express or Fastify. Decorators are called as the functions they are, so that this package's files
// compile under any setting of a shop's compiler and need no metadata.
import {
  type DynamicModule,
  Inject,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  type Provider,
} from "@nestjs/common";
import { APP_INTERCEPTOR, HttpAdapterHost } from "@nestjs/core";
import { storewatchExpress } from "../express/index.ts";
import { storewatchFastify } from "../fastify/index.ts";
import { type Storewatch, type StorewatchOptions, storewatch } from "../storewatch.ts";
import { TenantGuard } from "./guards.ts";
import { StorewatchInterceptor } from "./interceptor.ts";
import { serviceProviders, serviceTokens } from "./services.ts";
import { STOREWATCH } from "./tokens.ts";

export interface StorewatchAsyncOptions {
  readonly imports?: ModuleMetadata["imports"];
  readonly inject?: readonly unknown[];
  readonly useFactory: (...injected: never[]) => StorewatchOptions | Promise<StorewatchOptions>;
}

const FROM_ADAPTER = Symbol.for("@storewatch/sdk.nest.watched");

export class StorewatchModule implements NestModule, OnApplicationShutdown {
  private readonly sw: Storewatch;
  private readonly host: HttpAdapterHost;

  constructor(sw: Storewatch, host: HttpAdapterHost) {
    this.sw = sw;
    this.host = host;
  }

  /** With the options, or with what `storewatch()` gave when other parts of the service need it before Nest starts. */
  static forRoot(options: StorewatchOptions | Storewatch): DynamicModule {
    return moduleWith({
      provide: STOREWATCH,
      useFactory: () => ("requests" in options ? options : storewatch(options)),
    });
  }

  /** With options that come from other providers, such as a configuration service. */
  static forRootAsync(options: StorewatchAsyncOptions): DynamicModule {
    const { inject = [], useFactory, imports = [] } = options;
    const provider = {
      provide: STOREWATCH,
      useFactory: async (...injected: never[]) => storewatch(await useFactory(...injected)),
      inject: [...inject] as never[],
    };
    return { ...moduleWith(provider), imports };
  }

  /** Nest calls this before it mounts routes and before other modules' middleware may run: the watch comes first. */
  configure(_consumer: MiddlewareConsumer): void {
    const adapter = this.host.httpAdapter as typeof this.host.httpAdapter | undefined;
    // An application context without HTTP (a worker, a console command) has no adapter.
    if (adapter === undefined || FROM_ADAPTER in adapter) return;
    Object.defineProperty(adapter, FROM_ADAPTER, { value: true });
    if (adapter.getType() === "fastify") void adapter.getInstance().register(storewatchFastify(this.sw));
    else adapter.use(storewatchExpress(this.sw));
    this.sw.guard.run("context", () => this.sw.metrics.watchServer(adapter.getHttpServer()), undefined);
  }

  /** `app.enableShutdownHooks()`: Nest has drained by then; what is left are the SDK's own closing steps. */
  async onApplicationShutdown(signal?: string): Promise<void> {
    await this.sw.shutdown(signal);
  }

  /** Before Nest closes its server: readiness goes off, and, when a signal asks, there is time for that to be noticed. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    if (signal === undefined) this.sw.health.stopping();
    else await this.sw.stopping.notice();
  }
}

Module({})(StorewatchModule);
// What the compiler writes for `constructor(@Inject(STOREWATCH) sw, host: HttpAdapterHost)`.
Inject(STOREWATCH)(StorewatchModule, undefined, 0);
Inject(HttpAdapterHost)(StorewatchModule, undefined, 1);

function moduleWith(provider: Provider): DynamicModule {
  return {
    module: StorewatchModule,
    global: true,
    providers: [
      provider,
      ...(serviceProviders as Provider[]),
      TenantGuard,
      { provide: APP_INTERCEPTOR, useFactory: (sw: Storewatch) => new StorewatchInterceptor(sw), inject: [STOREWATCH] },
    ],
    exports: [STOREWATCH, TenantGuard, ...serviceTokens],
  };
}
