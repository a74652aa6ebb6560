// What was started is registered where it is made and stopped in reverse order.

export type Dispose = () => void | Promise<void>;

export class Disposables {
  private readonly items: Array<{ readonly name: string; readonly dispose: Dispose }> = [];

  add(name: string, dispose: Dispose): void {
    this.items.push({ name, dispose });
  }

  /** Stops all, last first; one that fails does not keep the others from stopping. */
  async disposeAll(onError: (name: string, error: unknown) => void): Promise<void> {
    for (let item = this.items.pop(); item; item = this.items.pop()) {
      try {
        await item.dispose();
      } catch (error) {
        onError(item.name, error);
      }
    }
  }
}
