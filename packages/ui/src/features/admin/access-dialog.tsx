import { Button, Modal, MultiSelect, PasswordInput, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { tenantsQuery } from "../../api/queries.ts";
import { problemWords } from "../../design/blocks.tsx";
import { createToken, createUser } from "./access-api.ts";

const ROLES = {
  token: ["viewer", "editor", "admin", "ingest", "scrape"],
  user: ["viewer", "editor", "admin"],
} as const;
type Role = (typeof ROLES)["token"][number];

interface Props {
  readonly kind: "token" | "user";
  readonly onClose: () => void;
  readonly onToken?: (token: string) => void;
}

export function AccessDialog({ kind, onClose, onToken }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const tenants = useQuery(tenantsQuery).data ?? [];
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [chosen, setChosen] = useState<string[]>([]);
  const create = useMutation({
    mutationFn: async () => {
      const scope = chosen.length === 0 ? null : chosen;
      if (kind === "token") onToken?.(await createToken({ name, role, tenants: scope }));
      else if (role !== "ingest" && role !== "scrape") await createUser({ name, password, role, tenants: scope });
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["admin"] });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  const words = create.error && problemWords(create.error, t);
  return (
    <Modal opened onClose={onClose} title={t(kind === "token" ? "admin.createToken" : "admin.newUser")}>
      <form className="stack" onSubmit={submit}>
        <TextInput
          label={t("admin.name")}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
          data-autofocus
        />
        {kind === "user" && (
          <PasswordInput
            label={t("admin.password")}
            required
            minLength={8}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            autoComplete="new-password"
          />
        )}
        <Select
          label={t("admin.role")}
          value={role}
          allowDeselect={false}
          onChange={(value) => setRole(ROLES.token.find((one) => one === value) ?? "viewer")}
          data={ROLES[kind].map((value) => ({ value, label: t(`admin.roles.${value}`) }))}
        />
        <MultiSelect
          label={t("admin.tenants")}
          description={t("admin.shopsHint")}
          searchable
          value={chosen}
          onChange={setChosen}
          data={tenants.map((tenant) => ({ value: tenant.id, label: tenant.name }))}
        />
        {words && <p className="state-crit">{words.why ?? words.title}</p>}
        <div className="row dialog-end">
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t("admin.create")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
