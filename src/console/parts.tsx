/** Parts of views that the operator only reads. */
import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { dayOf, timeOf, words } from "./words.ts";

/** The heading of a view. It gets the focus when the view opens, so that screen readers announce it. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${words.shell.console}`;
  }, [title]);
  // A layout effect runs before the operator can move the focus. A normal effect could move the focus away again.
  useLayoutEffect(() => {
    // An open dialog keeps the focus, for example the dialog that asks for the password again.
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

export function Badge({ kind = "plain", children }: { kind?: "plain" | "good" | "bad"; children: ComponentChildren }) {
  return <span class={`tag tag-${kind}`}>{children}</span>;
}

/** Shows the date of a time, or `none` if there is no time. Tables use it, because it is short. `time` is ISO 8601. */
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

/** A word that may be long, such as an address or an identifier. Lines break between parts of the word if possible. */
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
