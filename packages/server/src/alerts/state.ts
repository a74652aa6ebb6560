// Alerts, silences and the notification log in the persistent tables.

import { ALL_TENANTS, type TenantId, tenantScope } from "@storewatch/model";
import type { Logger } from "../kernel/logger.ts";
import type { AlertRecord } from "./alert.ts";
import type { DigestState } from "./calm/digest.ts";
import type { FlapMark } from "./calm/flap.ts";
import type { SentReminder } from "./calm/silence-reminder.ts";
import type { AlertStatePersistence, StateRecord } from "./interface.ts";
import type { NotifiedEntry } from "./notification-log.ts";
import { type Silence, type SilenceJson, silenceFromJson, silenceToJson } from "./silences.ts";

const ALERT = "alert";
const SILENCE = "silence";
const NOTIFIED = "notified";
const FLAP = "flap";
const DIGEST = "digest";
const REMINDER = "reminder";

export interface RestoredState {
  readonly alerts: readonly AlertRecord[];
  readonly silences: readonly Silence[];
  readonly notified: readonly NotifiedEntry[];
  readonly flaps: readonly FlapMark[];
  /** By integration. */
  readonly digests: readonly (readonly [lane: string, state: DigestState])[];
  readonly reminders: readonly SentReminder[];
}

/** A failed write is logged and does not stop notifications; whoever needs the durability awaits and gets the error. */
export class AlertState {
  constructor(
    private readonly persistence: AlertStatePersistence,
    private readonly logger: Logger,
  ) {}

  async load(): Promise<RestoredState> {
    const state = {
      alerts: [] as AlertRecord[],
      silences: [] as Silence[],
      notified: [] as NotifiedEntry[],
      flaps: [] as FlapMark[],
      digests: [] as [string, DigestState][],
      reminders: [] as SentReminder[],
    };
    for (const record of await this.persistence.load()) {
      try {
        if (record.table === ALERT) state.alerts.push(alertFromJson(record.value as AlertJson));
        else if (record.table === SILENCE) state.silences.push(silenceFromJson(record.value as SilenceJson));
        else if (record.table === NOTIFIED) state.notified.push(record.value as NotifiedEntry);
        else if (record.table === FLAP) state.flaps.push(record.value as FlapMark);
        else if (record.table === DIGEST) state.digests.push([record.key, record.value as DigestState]);
        else if (record.table === REMINDER) state.reminders.push(record.value as SentReminder);
      } catch (error) {
        this.logger.warn(
          { table: record.table, key: record.key, error: String(error) },
          "unreadable alert state left out",
        );
      }
    }
    return state;
  }

  saveAlerts(alerts: readonly AlertRecord[]): Promise<void> {
    return this.save(alerts.map((alert) => ({ table: ALERT, key: alert.fingerprint, value: alertToJson(alert) })));
  }

  forgetAlerts(alerts: readonly AlertRecord[]): Promise<void> {
    return this.save(alerts.map((alert) => ({ table: ALERT, key: alert.fingerprint, value: undefined })));
  }

  readonly saveSilence = (id: string, silence: Silence | undefined): Promise<void> =>
    this.save([{ table: SILENCE, key: id, value: silence && silenceToJson(silence) }]);

  /** A lost entry only means a notification too many, so a failed write is no reason to fail the delivery. */
  readonly saveNotified = async (key: string, entry: NotifiedEntry | undefined): Promise<void> => {
    await this.save([{ table: NOTIFIED, key, value: entry }]).catch(() => {});
  };

  /** As above: a lost mark means a notification too many. */
  readonly saveFlaps = async (marks: readonly FlapMark[], calm: readonly string[]): Promise<void> => {
    const gone = calm.map((key) => ({ table: FLAP, key, value: undefined }));
    await this.save([...marks.map((value) => ({ table: FLAP, key: value.fingerprint, value })), ...gone]).catch(
      () => {},
    );
  };

  readonly saveDigest = async (lane: string, state: DigestState | undefined): Promise<void> => {
    await this.save([{ table: DIGEST, key: lane, value: state }]).catch(() => {});
  };

  readonly saveReminder = async (id: string, sent: SentReminder | undefined): Promise<void> => {
    await this.save([{ table: REMINDER, key: id, value: sent }]).catch(() => {});
  };

  private async save(records: readonly StateRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      await this.persistence.save(records);
    } catch (error) {
      this.logger.error({ error: String(error) }, "alert state could not be written");
      throw error;
    }
  }
}

interface AlertJson extends Omit<AlertRecord, "scope"> {
  /** null = all tenants. */
  readonly tenants: readonly string[] | null;
}

function alertToJson({ scope, ...rest }: AlertRecord): AlertJson {
  return { ...rest, tenants: scope.kind === "all" ? null : [...scope.ids] };
}

function alertFromJson({ tenants, ...rest }: AlertJson): AlertRecord {
  return { ...rest, scope: tenants === null ? ALL_TENANTS : tenantScope(tenants as readonly TenantId[]) };
}
