/** Emails that the service gave up sending. An operator can send them again. */
import { useState } from "preact/hooks";
import { isAllowed } from "../access.ts";
import { api, type DeadLetter, dataOf } from "../api.ts";
import { Button } from "../controls.tsx";
import { notify } from "../notices.tsx";
import { Heading, LongWord, Time } from "../parts.tsx";
import { type Column, Listing } from "../tables.tsx";
import type { ViewProps } from "../views.ts";
import { fill, numberOf, words } from "../words.ts";
import { FormDialog } from "./dialog.tsx";
import { useList } from "./loading.ts";

export default function EmailsView({ me }: ViewProps) {
  const { emails: texts, shell, user, views } = words;
  const [asked, setAsked] = useState<DeadLetter>();
  const list = useList((cursor, signal) => {
    const query = cursor === undefined ? {} : { cursor };
    return dataOf(api.GET("/api/v1/emails/dead-letters", { params: { query }, signal }));
  }, []);
  const columns: Column<DeadLetter>[] = [
    { title: texts.to, cell: ({ to }) => <LongWord>{to ?? shell.none}</LongWord> },
    {
      title: texts.kind,
      cell: ({ kind }) => (
        <code>
          <LongWord>{kind}</LongWord>
        </code>
      ),
    },
    { title: texts.reason, isWide: true, cell: ({ reason }) => <code>{reason}</code> },
    { title: texts.failedAt, isWide: true, cell: ({ failed_at }) => <Time time={failed_at} /> },
    { title: texts.attempts, isWide: true, cell: ({ attempts }) => numberOf(attempts) },
    ...(isAllowed(me, "retry_emails")
      ? [
          {
            title: user.actions,
            isPlain: true,
            cell: (letter: DeadLetter) => <Button onClick={() => setAsked(letter)}>{texts.retry.label}</Button>,
          },
        ]
      : []),
  ];
  const retry = async ({ id }: DeadLetter) => {
    await api.POST("/api/v1/emails/dead-letters/{id}/retry", { params: { path: { id } } });
    list.reload();
    notify(texts.retry.done);
  };
  return (
    <>
      <Heading title={views.emails} />
      <p>{texts.text}</p>
      <Listing caption={views.emails} columns={columns} list={list} none={texts.none} />
      {asked !== undefined && (
        <FormDialog
          title={fill(texts.retry.heading, { to: asked.to ?? shell.none })}
          label={texts.retry.confirm}
          act={() => retry(asked)}
          onClose={() => setAsked(undefined)}
        >
          <ul class="follows">
            {texts.retry.follows.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </FormDialog>
      )}
    </>
  );
}
