/** Messages that say what the console has done. Screen readers announce them. */
import { useEffect, useState } from "preact/hooks";
import { words } from "./words.ts";

let show = (_text: string) => {};

/** Shows a message until the next message, or until the operator dismisses it or leaves the view. */
export function notify(text: string): void {
  show(text);
}

/** The fragment that names the open view, without the view's parameters. */
const placeNow = (): string => location.hash.split("?")[0] ?? "";

export function Notices({ place }: { place: string }) {
  const [notice, setNotice] = useState({ text: "", place: "" });
  useEffect(() => {
    show = (text) => setNotice({ text, place: placeNow() });
  }, []);
  useEffect(() => {
    setNotice((last) => (last.place === place ? last : { text: "", place }));
  }, [place]);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notice.text !== "" && (
        <div class="toast">
          <p>{notice.text}</p>
          <button
            type="button"
            class="plain"
            onClick={() => setNotice({ text: "", place: "" })}
            aria-label={words.shell.dismiss}
          >
            <span aria-hidden="true">×</span>
          </button>
        </div>
      )}
    </div>
  );
}
