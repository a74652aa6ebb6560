import { Button } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "../../api/queries.ts";
import { Command, Empty, Lines, Loaded, Panel, problemWords } from "../../design/blocks.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { deleteToken, deleteUser, readTokens, readUsers } from "./access-api.ts";
import { AccessDialog } from "./access-dialog.tsx";
import "./admin.css";

export function AdminPage() {
  const { t } = useTranslation();
  const session = useQuery(sessionQuery).data;
  if (session?.role !== "admin") return <Empty title={t("admin.needAdmin")} />;
  return (
    <div className="stack">
      <header className="plain-head">
        <h1>{t("admin.title")}</h1>
        <p className="muted">{t("admin.lead")}</p>
      </header>
      <Tokens />
      <Users />
    </div>
  );
}

interface AccessRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly tenants: readonly string[] | null;
  readonly createdAtMs: number;
  readonly lastUsedAtMs?: number | null;
}

function Tokens() {
  const { t } = useTranslation();
  const query = useQuery({ queryKey: ["admin", "tokens"], queryFn: readTokens });
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<string>();
  return (
    <Panel
      title={t("admin.tokens")}
      aside={<AddButton text={t("admin.createToken")} onClick={() => setCreating(true)} />}
      flush
    >
      {made !== undefined && (
        <div className="token-once">
          <strong>{t("admin.tokenOnce")}</strong>
          <Command text={made} />
        </div>
      )}
      <Loaded query={query} skeleton={<Lines count={3} />}>
        {(tokens) => (
          <AccessTable rows={tokens} used none={t("admin.noTokens")} remove={deleteToken} word={t("admin.revoke")} />
        )}
      </Loaded>
      {creating && <AccessDialog kind="token" onClose={() => setCreating(false)} onToken={setMade} />}
    </Panel>
  );
}

function Users() {
  const { t } = useTranslation();
  const query = useQuery({ queryKey: ["admin", "users"], queryFn: readUsers });
  const [creating, setCreating] = useState(false);
  return (
    <Panel
      title={t("admin.users")}
      aside={<AddButton text={t("admin.newUser")} onClick={() => setCreating(true)} />}
      flush
    >
      <Loaded query={query} skeleton={<Lines count={3} />}>
        {(users) => <AccessTable rows={users} none={t("admin.noUsers")} remove={deleteUser} word={t("admin.remove")} />}
      </Loaded>
      {creating && <AccessDialog kind="user" onClose={() => setCreating(false)} />}
    </Panel>
  );
}

function AddButton({ text, onClick }: { readonly text: string; readonly onClick: () => void }) {
  return (
    <Button size="xs" variant="light" leftSection={<Plus size={14} />} onClick={onClick}>
      {text}
    </Button>
  );
}

interface TableProps {
  readonly rows: readonly AccessRow[];
  readonly none: string;
  readonly word: string;
  readonly used?: boolean;
  readonly remove: (id: string) => Promise<void>;
}

function AccessTable({ rows, none, word, used, remove }: TableProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const removal = useMutation({
    mutationFn: (row: AccessRow) => remove(row.id),
    onSuccess: (_, row) => {
      notifications.show({ message: t("admin.revoked", { name: row.name }) });
      void client.invalidateQueries({ queryKey: ["admin"] });
    },
    onError: (error) =>
      notifications.show({ color: "crit", message: problemWords(error, t).why ?? problemWords(error, t).title }),
  });
  const ask = (row: AccessRow) =>
    modals.openConfirmModal({
      title: t("admin.revokeConfirm", { name: row.name }),
      labels: { confirm: word, cancel: t("common.cancel") },
      confirmProps: { color: "crit" },
      onConfirm: () => removal.mutate(row),
    });
  const time = (ms: number | null | undefined) => (ms ? moment(ms, Date.now(), currentLanguage()) : t("admin.never"));
  if (rows.length === 0) return <Empty title={none} />;
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t("admin.name")}</th>
            <th>{t("admin.role")}</th>
            <th className="grow wide-only">{t("admin.tenants")}</th>
            <th className="wide-only">{t("admin.created")}</th>
            {used && <th className="wide-only">{t("admin.lastUsed")}</th>}
            <th />
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <td>
                <b className="name-link">{row.name}</b>
                <span className="hint phone-only access-second">
                  {row.tenants === null ? t("admin.allTenants") : row.tenants.join(", ")}
                  {used && ` · ${t("admin.lastUsed")} ${time(row.lastUsedAtMs)}`}
                </span>
              </td>
              <td>{row.role}</td>
              <td className="grow wide-only">
                {row.tenants === null ? <span className="muted">{t("admin.allTenants")}</span> : row.tenants.join(", ")}
              </td>
              <td className="wide-only">{time(row.createdAtMs)}</td>
              {used && <td className="wide-only">{time(row.lastUsedAtMs)}</td>}
              <td className="number">
                <Button size="compact-xs" variant="subtle" color="gray" onClick={() => ask(row)}>
                  {word}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
