/** Tables, and lists that load page by page. */
import type { ComponentChildren } from "preact";
import { Button } from "./controls.tsx";
import { Failure, Skeleton } from "./loading.tsx";
import { fill, words } from "./words.ts";

export interface Column<Item> {
  title: string;
  /** Whether the cell is clear without its title. If so, a phone omits the title (it shows each row as a block). */
  isPlain?: boolean;
  /** Whether narrow screens leave the column out. */
  isWide?: boolean;
  cell: (item: Item) => ComponentChildren;
}

/** The first column names the item. A phone shows each row as a block, but not if `isGrid` is set. */
export function Table<Item extends { id: string }>({
  caption,
  columns,
  items,
  isBusy = false,
  isGrid = false,
}: {
  caption: string;
  columns: readonly Column<Item>[];
  items: readonly Item[];
  isBusy?: boolean;
  isGrid?: boolean;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls sideways, also by the keyboard.
    <div class="table-frame" aria-busy={isBusy} tabIndex={0}>
      <table class={isGrid ? "table" : "table table-stacked"}>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isWide = false }) => (
              <th key={title} scope="col" class={isWide ? "wide" : ""}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>
              {columns.map(({ title, isPlain = false, isWide = false, cell }, index) =>
                index === 0 ? (
                  <th key={title} scope="row">
                    {cell(item)}
                  </th>
                ) : (
                  <td key={title} class={isWide ? "wide" : ""} {...(isPlain ? {} : { "data-title": title })}>
                    {cell(item)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A table of a list, and the button for its next page. */
export function Listing<Item extends { id: string }>({
  caption,
  columns,
  list,
  none,
}: {
  caption: string;
  columns: readonly Column<Item>[];
  list: {
    items: Item[] | undefined;
    failure: unknown;
    isLoading: boolean;
    hasMore: boolean;
    loadMore: () => void;
    reload: () => void;
  };
  none: string;
}) {
  const { items, failure, isLoading, hasMore, loadMore, reload } = list;
  if (items === undefined)
    return failure === undefined ? <Skeleton lines={8} /> : <Failure failure={failure} retry={reload} />;
  return (
    <>
      <p class="visually-hidden" role="status">
        {isLoading ? words.shell.loading : items.length === 0 ? none : countedRows(items.length)}
      </p>
      {items.length === 0 ? (
        <p class="empty">{none}</p>
      ) : (
        <Table caption={caption} columns={columns} items={items} isBusy={isLoading} />
      )}
      {failure !== undefined && <Failure failure={failure} retry={loadMore} />}
      {hasMore && (
        <div class="more">
          <Button onClick={loadMore} isBusy={isLoading}>
            {words.shell.more}
          </Button>
        </div>
      )}
    </>
  );
}

const countedRows = (count: number) => fill(count === 1 ? words.shell.listed.one : words.shell.listed.other, { count });
