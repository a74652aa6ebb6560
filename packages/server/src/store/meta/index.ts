export { type DataDirLock, lockDataDir, prepareDataDir } from "./data-dir.ts";
export type { AuditRecord, Grant, MetadataStore, SessionRecord, TokenRecord, UserRecord } from "./interface.ts";
export { metadataFile, openMetadataStore } from "./sqlite-store.ts";
