// A store of fake rows, one writer for each key, and of samples with times of their own.
import type { Sample, SeriesExemplar, TenantScope } from "@storewatch/model";
import type { AppendResult, ExemplarResult, RowWriter } from "@storewatch/tsdb";
import type { CollectStore } from "../collector.ts";
import { FakeRows } from "./fake-rows.ts";

export class FakeStore implements CollectStore {
  readonly writers = new Map<string, FakeRows[]>();
  readonly samples: Sample[] = [];
  readonly exemplars: SeriesExemplar[] = [];

  openRows(_scope: TenantScope, key: string): RowWriter {
    const rows = new FakeRows();
    this.writers.set(key, [...(this.writers.get(key) ?? []), rows]);
    return rows;
  }

  append(_scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult> {
    this.samples.push(...samples);
    return Promise.resolve({ appended: samples.length, duplicates: 0, tooOld: 0 });
  }

  appendExemplars(_scope: TenantScope, exemplars: readonly SeriesExemplar[]): ExemplarResult {
    this.exemplars.push(...exemplars);
    return { appended: exemplars.length, outOfOrder: 0, tooLong: 0 };
  }

  /** All writers whose key has this text, oldest first. */
  find(part: string): FakeRows[] {
    return [...this.writers].filter(([key]) => key.includes(part)).flatMap(([, rows]) => rows);
  }
}
