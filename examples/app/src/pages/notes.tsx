/** The API stores the notes. `client.fetch` sends the access token. The API asks Postern only before deleting notes. */
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
    tell("Note saved.");
  };
  return (
    <Page title="Notes">
      {/* A new key makes a new, empty form. */}
      <Form key={added} button="Add" submit={add}>
        {() => <Field name="text" label="New note" input={{ maxLength: 300 }} />}
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

/** Deleting can't be undone, so the API asks Postern about the token: an ended session can't delete anything. */
function DeleteAll({ count, onDeleted }: { count: number; onDeleted: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const remove = useAction(async () => {
    await ask(`${API_URL}/notes`, "DELETE");
    tell("All notes deleted.");
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
      <p id="question">{count === 1 ? "Delete your note?" : `Delete all ${count} notes?`}</p>
      <Failure error={remove.error} />
      <button type="button" class="danger" aria-disabled={remove.busy} onClick={() => remove.run()}>
        Delete
      </button>
      {/* The pressed button is gone, so the focus moves to the harmless button. */}
      <button type="button" class="quiet" ref={(button) => button?.focus()} onClick={() => setAsking(false)}>
        Cancel
      </button>
    </section>
  );
}
