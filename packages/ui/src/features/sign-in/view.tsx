import { Button, PasswordInput, SegmentedControl, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { signIn } from "../../api/storewatch.ts";
import { problemWords } from "../../design/blocks.tsx";
import { chooseLanguage, currentLanguage } from "../../text/index.ts";
import "./sign-in.css";

export default function SignIn() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [by, setBy] = useState<"token" | "password">("token");
  const [token, setToken] = useState("");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await signIn(by === "token" ? { token: token.trim() } : { user, password });
      await client.invalidateQueries();
    } catch (error) {
      const words = problemWords(error, t);
      setProblem(t("signIn.wrong", { reason: [words.why ?? words.title, words.hint].filter(Boolean).join(". ") }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <div className="sign-in-brand">
          <img src="/favicon.svg" alt="" width={36} height={36} />
          <b>Storewatch</b>
        </div>
        <div>
          <h1>{t("signIn.title")}</h1>
          <p className="muted">{t("signIn.lead")}</p>
        </div>
        <SegmentedControl
          fullWidth
          value={by}
          onChange={(value) => setBy(value === "password" ? "password" : "token")}
          data={[
            { value: "token", label: t("signIn.withToken") },
            { value: "password", label: t("signIn.withPassword") },
          ]}
        />
        {by === "token" ? (
          <PasswordInput
            label={t("signIn.token")}
            description={t("signIn.tokenHint")}
            value={token}
            onChange={(event) => setToken(event.target.value)}
            autoComplete="current-password"
            required
            size="md"
            data-autofocus
          />
        ) : (
          <>
            <TextInput
              label={t("signIn.user")}
              value={user}
              onChange={(event) => setUser(event.target.value)}
              autoComplete="username"
              required
              size="md"
            />
            <PasswordInput
              label={t("signIn.password")}
              value={password}
              onChange={(event) => setPassword(event.target.value)}
              autoComplete="current-password"
              required
              size="md"
            />
          </>
        )}
        {problem && (
          <p className="sign-in-problem" role="alert">
            {problem}
          </p>
        )}
        <Button type="submit" size="md" fullWidth loading={busy}>
          {t("signIn.submit")}
        </Button>
        <button
          type="button"
          className="link-button"
          lang={currentLanguage() === "en" ? "vi" : "en"}
          onClick={() => void chooseLanguage(currentLanguage() === "en" ? "vi" : "en")}
        >
          {t("bar.language")}
        </button>
      </form>
    </main>
  );
}
