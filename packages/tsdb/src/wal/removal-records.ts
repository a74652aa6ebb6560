// Records of deletions, written and read; docs/format/wal.md.
import { Matcher, type MatchOperator } from "@storewatch/model";
import { type ByteReader, type ByteWriter, FormatError } from "../codec/bytes.ts";
import type { Head } from "../head/head.ts";
import type { Tombstone } from "../head/tombstones.ts";

const OPERATORS: readonly MatchOperator[] = ["=", "!=", "=~", "!~"];

/** Series whose samples in [fromMs, toMs] are hidden from now on. */
export interface Removal {
  readonly tombstone: Tombstone;
  readonly toMs: number;
  /** Exemplars are found by these, since their series need not exist. */
  readonly matchers: readonly Matcher[];
  /** The series as a whole go, out of the rows too. */
  readonly isErasure: boolean;
}

export function putTombstone(out: ByteWriter, { ids, fromMs, blockToMs, rowToMs, blockLimit }: Tombstone): void {
  out.varint(fromMs);
  out.varint(blockToMs + 1);
  out.varint(rowToMs + 1);
  out.varint(blockLimit);
  out.varint(ids.length);
  let last = 0;
  for (const id of ids) {
    out.varint(id - last);
    last = id;
  }
}

/** `seriesId` may throw FormatError for series that are no more: they are left out. */
export function readTombstone(payload: ByteReader, seriesId: (id: number) => number): Tombstone {
  const fromMs = payload.varint();
  const blockToMs = payload.varint() - 1;
  const rowToMs = payload.varint() - 1;
  const blockLimit = payload.varint();
  const ids: number[] = [];
  let id = 0;
  for (let left = payload.count(); left > 0; left--) {
    id += payload.varint();
    try {
      ids.push(seriesId(id));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return { ids: Uint32Array.from(ids).sort(), fromMs, blockToMs, rowToMs, blockLimit };
}

export function putRemoval(out: ByteWriter, { tombstone, toMs, matchers, isErasure }: Removal): void {
  putTombstone(out, tombstone);
  out.varint(toMs);
  out.u8(isErasure ? 1 : 0);
  out.varint(matchers.length);
  for (const { operator, name, value } of matchers) {
    out.u8(OPERATORS.indexOf(operator));
    out.text(name);
    out.text(value);
  }
}

export function readRemoval(payload: ByteReader, seriesId: (id: number) => number): Removal {
  const tombstone = readTombstone(payload, seriesId);
  const toMs = payload.varint();
  const isErasure = payload.u8() === 1;
  const matchers: Matcher[] = [];
  for (let left = payload.count(3); left > 0; left--) {
    const operator = OPERATORS[payload.u8()];
    const name = payload.text();
    const value = payload.text();
    if (operator === undefined) throw new FormatError("unknown kind of matcher");
    matchers.push(matcherOf(operator, name, value));
  }
  return { tombstone, toMs, matchers, isErasure };
}

function matcherOf(operator: MatchOperator, name: string, value: string): Matcher {
  try {
    return new Matcher(operator, name, value);
  } catch (error) {
    throw new FormatError(`a matcher that is none: ${(error as Error).message}`);
  }
}

/** Does in memory what the record says: the same when it is made and when it is read again. */
export function applyRemoval(head: Head, { tombstone, toMs, matchers, isErasure }: Removal): void {
  head.remove(tombstone, toMs);
  if (isErasure) head.eraseRows(new Set(tombstone.ids));
  head.exemplars.remove(matchers, tombstone.fromMs, toMs);
}
