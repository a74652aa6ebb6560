export const REFERENCE_DIR: string;
export function referencePages(
  load: (pkg: string, module: string) => Promise<unknown>,
): Promise<Readonly<Record<string, string>>>;
