/** What every page has: a heading that takes the focus when the page changes, and a place where progress is told. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

let isFirst = true;

export function Page({ title, children }: { title: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Jotter`;
    // A screen reader reads where one has come to. After a load the browser sees to that itself.
    if (!isFirst) heading.current?.focus();
    isFirst = false;
  }, [title]);
  return (
    <main>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </main>
  );
}

const TOLD = "app:told";

/** Says in passing what has happened, to eyes and to screen readers. */
export function tell(text: string): void {
  dispatchEvent(new CustomEvent(TOLD, { detail: text }));
}

/** Where it is said. There from the beginning: a region that comes with its text is often not read. */
export function Told() {
  const [text, setText] = useState("");
  useEffect(() => {
    let timer = 0;
    const hear = (event: Event) => {
      if (!(event instanceof CustomEvent)) return;
      setText(event.detail);
      clearTimeout(timer);
      timer = setTimeout(() => setText(""), 8_000);
    };
    addEventListener(TOLD, hear);
    return () => removeEventListener(TOLD, hear);
  }, []);
  return (
    <p class="told" role="status">
      {text}
    </p>
  );
}
