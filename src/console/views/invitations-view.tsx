/** Invitations. */
import { useState } from "preact/hooks";
import { api, dataOf } from "../api.ts";
import { codeOf, faultsOf } from "../failures.ts";
import { notify } from "../notices.tsx";
import { Button, Choice, Failure, Field, Heading, Panel } from "../parts.tsx";
import { fill, language, timeOf, words } from "../words.ts";

const LANGUAGES = [
  ["en", "English"],
  ["de", "Deutsch"],
] as const;

type Locale = (typeof LANGUAGES)[number][0];

export default function InvitationsView() {
  return (
    <>
      <Heading title={words.views.invitations} />
      <Panel title={words.invitations.invite}>
        <InvitationForm onSent={() => {}} />
      </Panel>
    </>
  );
}

function InvitationForm({ onSent }: { onSent: () => void }) {
  const texts = words.invitations;
  const [email, setEmail] = useState("");
  const [locale, setLocale] = useState<Locale>(language === "de" ? "de" : "en");
  const [fault, setFault] = useState<string>();
  const [failure, setFailure] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);

  const invite = async () => {
    const address = email.trim();
    const isIncomplete = !/^[^\s@]+@[^\s@]+$/.test(address);
    setFault(isIncomplete ? texts.emailMissing : undefined);
    setFailure(undefined);
    if (isIncomplete || isBusy) return;
    setBusy(true);
    try {
      const { expires_at } = await dataOf(api.POST("/api/v1/invitations", { body: { email: address, locale } }));
      setEmail("");
      notify(fill(texts.sent, { email: address, time: timeOf(expires_at) }));
      onSent();
    } catch (error) {
      const { email: wrong } = faultsOf(error);
      if (wrong !== undefined) setFault(wrong);
      else if (codeOf(error) === "email_taken") setFault(words.failures.byCode.email_taken);
      else setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        invite();
      }}
    >
      <p class="quiet">{texts.text}</p>
      <div class="filters">
        <Field label={texts.email} type="email" value={email} onInput={setEmail} fault={fault} />
        <Choice
          label={texts.language}
          value={locale}
          onChoose={(value) => setLocale(LANGUAGES.find(([tag]) => tag === value)?.[0] ?? locale)}
          options={LANGUAGES}
        />
        <Button isSubmit look="main" isBusy={isBusy}>
          {isBusy ? words.shell.working : texts.label}
        </Button>
      </div>
      {failure !== undefined && <Failure failure={failure} />}
    </form>
  );
}
