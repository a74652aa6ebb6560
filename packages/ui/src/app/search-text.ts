/** Letters without their marks, so that "bep nha" finds "Bếp Nhà". */
export function plainLetters(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replaceAll("đ", "d")
    .replaceAll("Đ", "d")
    .toLowerCase();
}

/** Every word of the search occurs in one of the texts. */
export function matchesSearch(search: string, ...texts: readonly string[]): boolean {
  const haystack = texts.map(plainLetters).join(" ");
  return plainLetters(search)
    .split(/\s+/)
    .every((word) => haystack.includes(word));
}
