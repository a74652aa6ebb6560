import { SegmentedControl } from "@mantine/core";
import type { InboxMessage } from "@storewatch/model/api";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Mail, MessageSquare, Webhook } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { inboxQuery } from "../../api/queries.ts";
import { Empty, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { readableBody } from "./delivery.ts";

const ICONS = { email: Mail, webhook: Webhook, slack: MessageSquare } as const;

/** The demo's mailbox and webhook inbox: what really arrived at the other end. */
export function Inbox() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { id } = useSearch({ from: "/notifications" });
  const choose = (next: string | undefined) =>
    void navigate({ to: "/notifications", search: (old) => ({ ...old, id: next }) });
  const query = useQuery(inboxQuery);
  return (
    <Loaded query={query} skeleton={<Lines count={8} height={16} />}>
      {(messages) => {
        if (messages.length === 0) {
          return (
            <Panel>
              <Empty
                title={t("notifications.inboxNone")}
                why={t("notifications.inboxNoneWhy")}
                command="npm run fault -- error-burst --tenant acme"
              />
            </Panel>
          );
        }
        const chosen = messages.find((message) => message.id === id);
        return (
          <div className={`mail${chosen ? " mail-open" : ""}`}>
            <Panel flush className="mail-list">
              {messages.map((message) => (
                <InboxRow
                  key={message.id}
                  message={message}
                  active={message.id === id}
                  onChoose={() => choose(message.id)}
                />
              ))}
            </Panel>
            <Panel className="mail-read">
              {chosen ? (
                <Message key={chosen.id} message={chosen} onBack={() => choose(undefined)} />
              ) : (
                <Empty title={t("notifications.choose")} why={t("notifications.inboxLead")} />
              )}
            </Panel>
          </div>
        );
      }}
    </Loaded>
  );
}

function InboxRow({
  message,
  active,
  onChoose,
}: {
  readonly message: InboxMessage;
  readonly active: boolean;
  readonly onChoose: () => void;
}) {
  const { t } = useTranslation();
  const Icon = ICONS[message.kind];
  return (
    <button type="button" className={`mail-row${active ? " active" : ""}`} onClick={onChoose}>
      <Icon size={14} className="muted" aria-hidden="true" />
      <span className="mail-subject">{message.subject}</span>
      <span className="mail-time">{moment(message.atMs, Date.now(), currentLanguage(), true)}</span>
      <span className="mail-second">
        {t(`notifications.${message.kind}`)} · {message.to.join(", ")}
      </span>
    </button>
  );
}

function Message({ message, onBack }: { readonly message: InboxMessage; readonly onBack: () => void }) {
  const { t } = useTranslation();
  const [view, setView] = useState<"html" | "text">(message.html === null ? "text" : "html");
  return (
    <article className="mail-content">
      <button type="button" className="link-button phone-only" onClick={onBack}>
        ← {t("notifications.inbox")}
      </button>
      <h2>{message.subject}</h2>
      <dl className="facts">
        <div>
          <dt>{t("notifications.from")}</dt>
          <dd>{message.from}</dd>
        </div>
        <div>
          <dt>{t("notifications.to")}</dt>
          <dd>{message.to.join(", ")}</dd>
        </div>
      </dl>
      {message.html !== null && (
        <SegmentedControl
          size="xs"
          style={{ alignSelf: "flex-start" }}
          value={view}
          onChange={(value) => setView(value === "text" ? "text" : "html")}
          data={[
            { value: "html", label: t("notifications.asHtml") },
            { value: "text", label: t("notifications.asText") },
          ]}
        />
      )}
      {view === "html" && message.html !== null ? (
        // No scripts, no same origin, no forms, no top navigation: the mail is only looked at.
        <iframe
          title={message.subject}
          sandbox=""
          referrerPolicy="no-referrer"
          srcDoc={message.html}
          className="mail-frame"
        />
      ) : (
        <pre className="body">{readableBody(message.text)}</pre>
      )}
    </article>
  );
}
