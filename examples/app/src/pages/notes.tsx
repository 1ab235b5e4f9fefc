/** Notes, which another Worker keeps: `client.fetch` brings it the access token, and Postern is not asked. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { Failure, Field, Form, textOf, useAction } from "../form.tsx";
import { Page, tell } from "../page.tsx";
import { API_URL, ask } from "../session.ts";

interface Note {
  id: string;
  text: string;
}

export function NotesPage() {
  const [notes, setNotes] = useState<Note[]>();
  const [added, setAdded] = useState(0);
  const load = useAction(async () => setNotes((await ask<{ items: Note[] }>(`${API_URL}/notes`)).items));
  const begin = useCallback(load.run, []);
  useEffect(() => void begin(), [begin]);

  const add = async (data: FormData) => {
    const note = await ask<Note>(`${API_URL}/notes`, "POST", { text: textOf(data, "text") });
    setNotes((known = []) => [note, ...known]);
    setAdded((count) => count + 1);
    tell("Your note is kept.");
  };
  return (
    <Page title="Notes">
      {/* Another key is another form, an empty one. */}
      <Form key={added} button="Add" submit={add}>
        {() => <Field name="text" label="A new note" input={{ maxLength: 300 }} />}
      </Form>
      <Failure error={load.error} />
      {notes?.length === 0 && <p class="empty">No notes yet.</p>}
      {notes !== undefined && notes.length > 0 && (
        <>
          <ul class="cards">
            {notes.map(({ id, text }) => (
              <li key={id}>{text}</li>
            ))}
          </ul>
          <DeleteAll count={notes.length} onDeleted={() => setNotes([])} />
        </>
      )}
    </Page>
  );
}

/** Can't be undone, so the API asks Postern itself: a session that ended a moment ago deletes nothing. */
function DeleteAll({ count, onDeleted }: { count: number; onDeleted: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const remove = useAction(async () => {
    await ask(`${API_URL}/notes`, "DELETE");
    tell("All notes are deleted.");
    onDeleted();
  });
  if (!isAsking) {
    return (
      <button type="button" class="quiet danger" onClick={() => setAsking(true)}>
        Delete all
      </button>
    );
  }
  return (
    <section class="card question" aria-labelledby="question">
      <p id="question">{count === 1 ? "Delete your note for good?" : `Delete all ${count} notes for good?`}</p>
      <Failure error={remove.error} />
      <button type="button" class="danger" aria-disabled={remove.busy} onClick={() => remove.run()}>
        Delete for good
      </button>
      {/* The button that was pressed is gone: the focus goes to the harmless one. */}
      <button type="button" class="quiet" ref={(button) => button?.focus()} onClick={() => setAsking(false)}>
        {count === 1 ? "Keep it" : "Keep them"}
      </button>
    </section>
  );
}
