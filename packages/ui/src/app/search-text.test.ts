import { expect, it } from "vitest";
import { matchesSearch } from "./search-text.ts";

it("finds Vietnamese names typed without marks, words in any order", () => {
  expect(matchesSearch("nha bep", "Bếp Nhà", "bepnha")).toBe(true);
  expect(matchesSearch("Đà Lạt", "Hoa Tươi Da Lat")).toBe(true);
  expect(matchesSearch("", "anything")).toBe(true);
  expect(matchesSearch("nha x", "Bếp Nhà")).toBe(false);
});
