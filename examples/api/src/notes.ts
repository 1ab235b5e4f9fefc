/** Notes in KV: one key for each note. The text is in the key's metadata, so that listing keys returns the texts. */
export interface Note {
  id: string;
  text: string;
}

interface Stored {
  text: string;
  /** Milliseconds since the epoch. */
  writtenAt: number;
}

/** The most notes of one user. Two requests at the same time can exceed this limit by one. */
export const MOST_NOTES = 100;

/** A user's notes, newest first. */
export async function listNotes(kv: KVNamespace, userId: string): Promise<Note[]> {
  const { keys } = await kv.list<Stored>({ prefix: `${userId}:` });
  const notes = keys.map(({ name, metadata }) => ({
    id: name.slice(userId.length + 1),
    text: "",
    writtenAt: 0,
    ...metadata,
  }));
  return notes.sort((a, b) => b.writtenAt - a.writtenAt).map(({ id, text }) => ({ id, text }));
}

/** Stores a note. Returns `undefined` if the user already has the maximum. */
export async function keepNote(kv: KVNamespace, userId: string, text: string): Promise<Note | undefined> {
  const { keys } = await kv.list({ prefix: `${userId}:`, limit: MOST_NOTES });
  if (keys.length >= MOST_NOTES) return undefined;
  const id = crypto.randomUUID();
  const metadata: Stored = { text, writtenAt: Date.now() };
  await kv.put(`${userId}:${id}`, "", { metadata });
  return { id, text };
}

export async function deleteNotes(kv: KVNamespace, userId: string): Promise<void> {
  const { keys } = await kv.list({ prefix: `${userId}:` });
  await Promise.all(keys.map(({ name }) => kv.delete(name)));
}

/** The number of notes of all users. KV lists a thousand keys at a time. */
export async function countNotes(kv: KVNamespace): Promise<number> {
  let count = 0;
  for (let cursor: string | null = null; ; ) {
    const page: KVNamespaceListResult<unknown> = await kv.list({ cursor });
    count += page.keys.length;
    if (page.list_complete) return count;
    cursor = page.cursor;
  }
}
