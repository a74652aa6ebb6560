import { afterEach, describe, expect, it } from "vitest";
import { change, count, duration, money, percent, plainNumber, setNumberLanguage, signedPercent } from "./numbers.ts";
import { clockTime, moment, span } from "./times.ts";
import { unitFormat } from "./units.ts";

afterEach(() => setNumberLanguage("en"));
/** Narrow spaces written as "_" to be seen. */
const seen = (text: string) => text.replaceAll("\u202f", "_");

describe("numbers", () => {
  it("keeps three significant digits and groups", () => {
    expect([1284, 0.8123, 12.345, 312.4, 0, -0.0001234].map((value) => seen(plainNumber(value)))).toEqual([
      "1_284",
      "0.812",
      "12.3",
      "312",
      "0",
      "−1.2e−4",
    ]);
    expect(seen(count(18_240))).toBe("18.2_k");
  });
  it("writes money in its currency, ₫ without decimals", () => {
    expect(
      [
        money(182_400_000, "VND"),
        money(5210.4, "VND"),
        money(12.5, "USD"),
        money(1_250_000, "SGD"),
        money(null, "VND"),
      ].map(seen),
    ).toEqual(["182_M₫", "5_210_₫", "12.50_$", "1.25_MSGD", "–"]);
  });
  it("follows the language", () => {
    setNumberLanguage("vi");
    expect(seen(money(1_240_000, "VND"))).toBe("1,24_tr_₫");
    expect(seen(duration(7200))).toBe("2_giờ");
  });
  it("says percentages, durations and changes", () => {
    expect([0.0612, 0.41, 0, 0.00001, 0.0082].map((v) => seen(percent(v)))).toEqual([
      "6.1_%",
      "41_%",
      "0_%",
      "<0.01_%",
      "0.82_%",
    ]);
    expect([0.312, 1.42, 300, 0.00002].map((v) => seen(duration(v)))).toEqual(["312_ms", "1.42_s", "5_min", "20_µs"]);
    expect([signedPercent(-0.384), signedPercent(0.04), signedPercent(0.001), signedPercent(11)].map(seen)).toEqual([
      "−38_%",
      "+4_%",
      "±0_%",
      "×12",
    ]);
    expect(change(5, 0)).toBeNull();
  });
});

describe("units", () => {
  it("reads Grafana's names", () => {
    const cases: Array<[string | null, number, string]> = [
      ["bytes", 1536, "1.5_KiB"],
      ["decbytes", 2_500_000, "2.5_MB"],
      ["percentunit", 0.1234, "12.3_%"],
      ["percent", 99.97, "99.97_%"],
      ["percent", 50, "50_%"],
      ["s", 0.31, "310_ms"],
      ["reqps", 412.3, "412_req/s"],
      ["reqps", 41_230, "41.2_k req/s"],
      ["short", 12_345, "12.3_k"],
      [null, 3, "3"],
      ["widgets", 3, "3_widgets"],
      ["currencyVND", 21_400_000, "21.4_M₫"],
      ["bool_yes_no", 1, "Yes"],
      ["Bps", 1200, "1.2_kB/s"],
    ];
    for (const [unit, value, text] of cases) expect(seen(unitFormat(unit)(value))).toBe(text);
    expect(unitFormat("s")(null)).toBe("–");
    expect(seen(unitFormat("percentunit", 2)(0.5))).toBe("50.00_%");
  });
});

describe("times", () => {
  it("names today's times by the clock, others with the day", () => {
    const noon = new Date(2026, 10, 22, 14, 2).getTime();
    expect(clockTime(noon)).toBe("14:02");
    expect(moment(noon, noon + 86_400_000, "en")).toBe("22 Nov 14:02");
    expect(moment(noon, noon + 86_400_000, "vi")).toBe("22/11 14:02");
    expect([span(59_000, "en"), span(720_000, "vi"), span(8_100_000, "en")].map(seen)).toEqual([
      "59_s",
      "12_phút",
      "2_h 15_min",
    ]);
  });
});
