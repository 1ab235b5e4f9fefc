/** The shortcut that moves the focus to a search field, also to one of a view that is not there yet. */
import { useEffect } from "preact/hooks";

/** For how long a view may load until its search field no longer takes the focus: the operator may do something else. */
const PATIENCE_MILLISECONDS = 5_000;

let isWanted = false;

/** Focuses the search field of the view. If the view has none, opens another view, whose search field takes the focus. */
export function focusSearch(openView: (() => void) | undefined): void {
  const field = searchField();
  if (field !== null) field.focus();
  else if (openView !== undefined) {
    isWanted = true;
    setTimeout(() => {
      isWanted = false;
    }, PATIENCE_MILLISECONDS);
    openView();
  }
}

/** For a view with a search field. If the operator wants to search, the field takes the focus from the heading. */
export function useSearchFocus(): void {
  useEffect(() => {
    if (isWanted) searchField()?.focus();
    isWanted = false;
  }, []);
}

const searchField = () => document.querySelector<HTMLInputElement>("input[type=search]");
