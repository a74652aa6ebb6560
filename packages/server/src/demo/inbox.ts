// What the demo's mailbox and webhook inbox received: kept in memory, shown in the web app.
import type { Clock } from "@storewatch/model";
import type { InboxMessage } from "@storewatch/model/api";

const MESSAGES_MAX = 500;

export type ReceivedMessage = Omit<InboxMessage, "id" | "atMs">;

/** The last 500 messages. */
export class Inbox {
  private readonly messages: InboxMessage[] = [];
  private received = 0;

  constructor(
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {}

  add(message: ReceivedMessage): void {
    this.received += 1;
    this.messages.push({ id: String(this.received), atMs: this.clock.nowMs(), ...message });
    if (this.messages.length > MESSAGES_MAX) this.messages.shift();
    this.onChange();
  }

  /** Newest first. */
  list(): InboxMessage[] {
    return this.messages.toReversed();
  }
}
