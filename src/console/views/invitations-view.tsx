/** Invitations: a form to send one, and the list of those that were sent. */
import { useState } from "preact/hooks";
import { api, dataOf, type Invitation } from "../api.ts";
import { Button, Choice, Field } from "../controls.tsx";
import { codeOf, faultsOf } from "../failures.ts";
import { Failure } from "../loading.tsx";
import { notify } from "../notices.tsx";
import { Badge, Heading, LongWord, Panel, Time } from "../parts.tsx";
import { type Column, Listing } from "../tables.tsx";
import { fill, language, timeOf, words } from "../words.ts";
import { FormDialog } from "./dialog.tsx";
import { useList } from "./loading.ts";

const LANGUAGES = [
  ["en", "English"],
  ["de", "Deutsch"],
] as const;

type Locale = (typeof LANGUAGES)[number][0];

export default function InvitationsView() {
  const texts = words.invitations;
  const [asked, setAsked] = useState<{ act: "resend" | "revoke"; invitation: Invitation }>();
  const list = useList((cursor, signal) => {
    const query = cursor === undefined ? {} : { cursor };
    return dataOf(api.GET("/api/v1/invitations", { params: { query }, signal }));
  }, []);
  const columns: Column<Invitation>[] = [
    { title: texts.email, cell: ({ email }) => <LongWord>{email}</LongWord> },
    {
      title: texts.state,
      isPlain: true,
      cell: ({ state }) => <Badge kind={state === "open" ? "good" : "plain"}>{texts.states[state]}</Badge>,
    },
    { title: texts.created, isWide: true, cell: ({ created_at }) => <Time time={created_at} /> },
    { title: texts.expires, isWide: true, cell: ({ expires_at }) => <Time time={expires_at} /> },
    {
      title: words.user.actions,
      isPlain: true,
      cell: (invitation) => (
        <span class="row">
          <Button onClick={() => setAsked({ act: "resend", invitation })}>{texts.acts.resend.label}</Button>
          <Button look="to-danger" onClick={() => setAsked({ act: "revoke", invitation })}>
            {texts.acts.revoke.label}
          </Button>
        </span>
      ),
    },
  ];
  return (
    <>
      <Heading title={words.views.invitations} />
      <Panel title={texts.invite}>
        <InvitationForm onSent={list.reload} />
      </Panel>
      <h2 class="part-title">{texts.sentBefore}</h2>
      <Listing caption={words.views.invitations} columns={columns} list={list} none={texts.none} />
      {asked !== undefined && <Ask {...asked} onClose={() => setAsked(undefined)} onDone={list.reload} />}
    </>
  );
}

function Ask({
  act,
  invitation: { id, email },
  onClose,
  onDone,
}: {
  act: "resend" | "revoke";
  invitation: Invitation;
  onClose: () => void;
  onDone: () => void;
}) {
  const texts = words.invitations.acts[act];
  const run = async () => {
    const options = { params: { path: { id } } };
    if (act === "resend") await api.POST("/api/v1/invitations/{id}/resend", options);
    else await api.DELETE("/api/v1/invitations/{id}", options);
    onDone();
    notify(fill(texts.done, { email }));
  };
  return (
    <FormDialog
      title={fill(texts.heading, { email })}
      label={texts.confirm}
      isDangerous={act === "revoke"}
      act={run}
      onClose={onClose}
    >
      <ul class="follows">
        {texts.follows.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </FormDialog>
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
      <div class="line-form">
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
