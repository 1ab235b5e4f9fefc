/** A minimal router: the path decides which page is shown. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

const MOVED = "app:moved";

/** The path in the address bar. */
export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const look = () => setPath(location.pathname);
    addEventListener("popstate", look);
    addEventListener(MOVED, look);
    return () => {
      removeEventListener("popstate", look);
      removeEventListener(MOVED, look);
    };
  }, []);
  return path;
}

export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(MOVED));
}

/** Replaces the current page, so that "back" doesn't return to it. */
export function leadTo(path: string): void {
  history.replaceState(null, "", path);
  dispatchEvent(new Event(MOVED));
}

/** A link within the app. With a modifier key it opens a new tab, like any other link. */
export function Link({ to, children, current }: { to: string; children: ComponentChildren; current?: boolean }) {
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={follow} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}
