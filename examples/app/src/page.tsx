/** The parts of every page: a heading that gets the focus when the page changes, and a place for status messages. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

let isFirst = true;

export function Page({ title, children }: { title: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Jotter`;
    // Screen readers then announce the new page. The first page is announced when the browser loads it.
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

/** Shows a status message, which screen readers announce too. */
export function tell(text: string): void {
  dispatchEvent(new CustomEvent(TOLD, { detail: text }));
}

/**
 * The element for the message. It exists from the start, because screen readers often ignore a region that appears
 * together with its text.
 */
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
