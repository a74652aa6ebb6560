// One scrape page in memory. Buffers are reused: what stands behind `length` is an older page, never read it.

const FIRST_BYTES = 64 * 1024;
const NEWLINE = 10;

/** A page that outgrew its limit. */
export class BodyLimitError extends Error {
  constructor(readonly limitBytes: number) {
    super(`body size limit exceeded: the page is larger than ${limitBytes} bytes`);
  }
}

export class PageBuffer {
  /** Its ArrayBuffer starts with it, so that `view` and `bytes` share offsets. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  view = new DataView(this.bytes.buffer);
  length = 0;

  /** Throws BodyLimitError when the page would have more than `limitBytes`. */
  append(chunk: Uint8Array, limitBytes: number): void {
    const end = this.length + chunk.length;
    if (end > limitBytes) throw new BodyLimitError(limitBytes);
    if (end + 1 > this.bytes.length) this.grow(end + 1);
    this.bytes.set(chunk, this.length);
    this.length = end;
  }

  clear(): void {
    this.length = 0;
  }

  /** Ends the page with the line break that parsers rely on. Without it old digits would join the last number. */
  seal(): void {
    this.bytes[this.length] = NEWLINE;
  }

  private grow(bytesMin: number): void {
    let size = this.bytes.length;
    while (size < bytesMin) size *= 2;
    const bytes = Buffer.allocUnsafeSlow(size);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}

const KEPT_MAX = 4;
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/** A few idle buffers, shared by all targets: as many are in use as scrapes are under way. */
export class PageBufferPool {
  private readonly idle: PageBuffer[] = [];

  take(): PageBuffer {
    const page = this.idle.pop() ?? new PageBuffer();
    page.clear();
    return page;
  }

  give(page: PageBuffer): void {
    if (this.idle.length < KEPT_MAX && page.bytes.length <= KEPT_BYTES_MAX) this.idle.push(page);
  }
}
