/** The components that the views share. */
import { type ComponentChildren, Fragment, h, type RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { codeOf, textOf } from "./failures.ts";
import { dayOf, fill, language, timeOf, words } from "./words.ts";

/** After this time, a view that is still loading says that it takes long. */
const SLOW_MILLISECONDS = 6_000;

/** The heading of a view. It gets the focus when the view opens, so that screen readers announce it. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${words.shell.console}`;
  }, [title]);
  useEffect(() => {
    // An open dialog keeps the focus: the one that asks the operator for the password again, for example.
    if (document.querySelector("dialog[open]") === null) heading.current?.focus();
  }, []);
  return (
    <div class="heading">
      <h1 tabIndex={-1} ref={heading}>
        {title}
      </h1>
      {children !== undefined && <div class="heading-acts">{children}</div>}
    </div>
  );
}

export function Panel({
  title,
  acts,
  isBeside = false,
  children,
}: {
  title: string;
  acts?: ComponentChildren;
  /** Whether the panel stands beside other panels if there is room. */
  isBeside?: boolean;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`panel${isBeside ? " beside" : ""}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {acts}
      </div>
      {children}
    </section>
  );
}

/** Shows grey lines while something loads, and says that it is loading. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MILLISECONDS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton">
      <p class={isSlow ? "quiet" : "visually-hidden"} role="status">
        {isSlow ? words.shell.slow : words.shell.loading}
      </p>
      {Array.from({ length: lines }, (_, line) => (
        <div class="skeleton-line" key={line} aria-hidden="true" />
      ))}
    </div>
  );
}

/**
 * Says what failed, with a button that calls `retry`. If the operator must add a second factor first, there is a link
 * to the account page instead.
 */
export function Failure({ failure, retry }: { failure: unknown; retry?: (() => void) | undefined }) {
  const code = codeOf(failure);
  const needsFactor = code === "second_factor_enrolment_required";
  return (
    <div class="failure" role="alert">
      <p>{textOf(failure)}</p>
      {needsFactor && <a href={`/account?lang=${language}#security-title`}>{words.shell.account}</a>}
      {retry !== undefined && !needsFactor && code !== "not_found" && (
        <button type="button" class="button button-quiet small" onClick={retry}>
          {words.shell.retry}
        </button>
      )}
    </div>
  );
}

/** Shows what was loaded, or that it is loading, or what failed. */
export function Loading<Data>({
  of: { data, failure, reload },
  lines,
  children,
}: {
  of: { data: Data | undefined; failure: unknown; reload: () => void };
  lines?: number;
  children: (data: Data) => ComponentChildren;
}) {
  if (failure !== undefined) return <Failure failure={failure} retry={reload} />;
  if (data === undefined) return <Skeleton {...(lines === undefined ? {} : { lines })} />;
  return <>{children(data)}</>;
}

export function Badge({ kind = "plain", children }: { kind?: "plain" | "good" | "bad"; children: ComponentChildren }) {
  return <span class={`tag tag-${kind}`}>{children}</span>;
}

/** Shows the day of a time, or `none` if there is no time. Shorter than `Time`, for tables. `time` is ISO 8601. */
export function Day({ time, none = words.shell.never }: { time: string | null; none?: string }) {
  if (time === null) return <span class="quiet">{none}</span>;
  return (
    <time dateTime={time} title={timeOf(time)}>
      {dayOf(time)}
    </time>
  );
}

/** Shows a time, or `none` if there is no time. `time` is ISO 8601. */
export function Time({ time, none = words.shell.never }: { time: string | null | undefined; none?: string }) {
  if (time === null || time === undefined) return <span class="quiet">{none}</span>;
  return <time dateTime={time}>{timeOf(time)}</time>;
}

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "search" | "email" | "tel" | "password" | "date";
  hint?: string | undefined;
  fault?: string | undefined;
  autocomplete?: "off" | "current-password" | "one-time-code";
  input?: RefObject<HTMLInputElement | null>;
  numeric?: boolean;
}

export function Field({
  label,
  value,
  onInput,
  type = "text",
  hint,
  fault,
  autocomplete = "off",
  ...more
}: FieldProps) {
  const { input, numeric = false } = more;
  const id = useId();
  const notes = [fault !== undefined && `${id}-fault`, hint !== undefined && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {h("input", {
        id,
        type,
        value,
        ref: input ?? null,
        onInput: ({ currentTarget }) => onInput(currentTarget.value),
        autoComplete: autocomplete,
        autoCapitalize: "none",
        spellcheck: false,
        "aria-invalid": fault !== undefined,
        ...(numeric ? { inputMode: "numeric" } : {}),
        ...(notes === "" ? {} : { "aria-describedby": notes }),
      })}
      {fault !== undefined && (
        <p class="field-error" id={`${id}-fault`} role="alert">
          {fault}
        </p>
      )}
      {hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  /** Each value, with the label that the operator sees. */
  options: readonly (readonly [value: string, label: string])[];
}

export function Choice({ label, value, onChoose, options }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Button({
  children,
  onClick,
  look = "quiet",
  isBusy = false,
  isSubmit = false,
}: {
  children: ComponentChildren;
  onClick?: () => void;
  look?: "main" | "quiet" | "danger" | "to-danger";
  isBusy?: boolean;
  isSubmit?: boolean;
}) {
  const looks = { main: "", quiet: " button-quiet", danger: " button-danger", "to-danger": " button-quiet to-danger" };
  return (
    <button
      type={isSubmit ? "submit" : "button"}
      class={`button small${looks[look]}`}
      aria-busy={isBusy}
      disabled={isBusy}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

/** Names and values, such as the fields of a user. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A word that may be long, such as an address or an identifier. A line breaks between its parts if possible. */
export function LongWord({ children }: { children: string }) {
  const pieces = children.replaceAll(/[_/]|[a-z\d](?=[A-Z])|[^@.](?=[@.])/g, "$&\n").split("\n");
  return (
    <>
      {pieces.map((piece, index) => (
        <Fragment key={index}>
          {index > 0 && <wbr />}
          {piece}
        </Fragment>
      ))}
    </>
  );
}

export interface Column<Item> {
  title: string;
  /** Whether the cell is clear without its title. A phone, which shows each row as a block, then omits the title. */
  isPlain?: boolean;
  /** Whether narrow screens leave the column out. */
  isWide?: boolean;
  cell: (item: Item) => ComponentChildren;
}

/** The first column names the item. A phone shows each row as a block, unless `isGrid`. */
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
