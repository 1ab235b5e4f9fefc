/** Hooks that read from the API. They return the data, the failure, and a function that reads the data again. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { PosternError } from "../../client/index.ts";
import type { Page } from "../api.ts";

/** If the service doesn't answer or is busy (503), a read is repeated once, after this pause. */
const PAUSE_MILLISECONDS = 1_000;

type Read<Data> = (signal: AbortSignal) => Promise<Data>;

export interface Loaded<Data> {
  /** What was read last. Stays until the next read has ended. If that read fails, becomes `undefined`. */
  data: Data | undefined;
  /** What the last read threw; `undefined` if it succeeded. */
  failure: unknown;
  isLoading: boolean;
  reload(): void;
}

interface Progress<Data> {
  data: Data | undefined;
  failure?: unknown;
  isLoading: boolean;
}

/** Reads at first and whenever `inputs` change. Ignores the answer to a read if a newer read has begun. */
export function useLoaded<Data>(read: Read<Data>, inputs: readonly unknown[]): Loaded<Data> {
  const [progress, setProgress] = useState<Progress<Data>>({ data: undefined, isLoading: true });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(inputs);

  useEffect(() => {
    const controller = new AbortController();
    setProgress(({ data }) => ({ data, isLoading: true }));
    readPatiently(read, controller.signal).then(
      (data) => controller.signal.aborted || setProgress({ data, isLoading: false }),
      (failure) => controller.signal.aborted || setProgress({ data: undefined, failure, isLoading: false }),
    );
    return () => controller.abort();
  }, [key, round]);

  const reload = useCallback(() => setRound((last) => last + 1), []);
  return { data: progress.data, failure: progress.failure, isLoading: progress.isLoading, reload };
}

interface LoadedList<Item> {
  items: Item[] | undefined;
  failure: unknown;
  isLoading: boolean;
  /** Whether there are more pages. */
  hasMore: boolean;
  loadMore(): void;
  reload(): void;
}

/** Reads a list page by page. A page can be empty although more pages follow. Then the next page is read at once. */
export function useList<Item>(
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<Item>>,
  inputs: readonly unknown[],
): LoadedList<Item> {
  const [later, setLater] = useState<{ first: Page<Item> | undefined; items: Item[]; cursor: string | null }>();
  const [failure, setFailure] = useState<unknown>();
  const [isLoadingMore, setLoadingMore] = useState(false);
  const readFrom = async (start: string | undefined, signal: AbortSignal): Promise<Page<Item>> => {
    let page = await read(start, signal);
    while (page.items.length === 0 && page.next_cursor !== null) page = await read(page.next_cursor, signal);
    return page;
  };
  const first = useLoaded((signal) => readFrom(undefined, signal), inputs);
  // Ignore later pages that followed an old first page: the first page may have been read again.
  const more = later !== undefined && later.first === first.data ? later : undefined;
  const cursor = more === undefined ? (first.data?.next_cursor ?? null) : more.cursor;

  const loadMore = async () => {
    if (cursor === null || isLoadingMore) return;
    setLoadingMore(true);
    setFailure(undefined);
    const { signal } = new AbortController();
    try {
      const page = await readPatiently((within) => readFrom(cursor, within), signal);
      setLater({ first: first.data, items: [...(more?.items ?? []), ...page.items], cursor: page.next_cursor });
    } catch (error) {
      setFailure(error);
    } finally {
      setLoadingMore(false);
    }
  };
  return {
    items: first.data && [...first.data.items, ...(more?.items ?? [])],
    failure: first.failure ?? failure,
    isLoading: first.isLoading || isLoadingMore,
    hasMore: cursor !== null,
    loadMore,
    reload: first.reload,
  };
}

async function readPatiently<Data>(read: Read<Data>, signal: AbortSignal): Promise<Data> {
  try {
    return await read(signal);
  } catch (error) {
    const isPassing = error instanceof PosternError && (error.status === 0 || error.status === 503);
    if (!isPassing || signal.aborted) throw error;
    await new Promise((done) => setTimeout(done, PAUSE_MILLISECONDS));
    return read(signal);
  }
}
