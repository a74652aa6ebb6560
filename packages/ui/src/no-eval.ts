// The content security policy forbids code made at run time, and zod tries it where a schema is made. Its configuration
// lives on globalThis, so it is set here before any chunk with schemas loads, and without loading zod for the first paint.
// e2e/ui.test.ts fails when a page tries it.
declare global {
  var __zod_globalConfig: { jitless?: boolean } | undefined;
}

globalThis.__zod_globalConfig = { jitless: true };

export {};
