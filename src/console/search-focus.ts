/** A shortcut moves the focus to a search field, even if the field's view must first open. */
import { useEffect } from "preact/hooks";

/** If a view loads longer, its search field doesn't take the focus: the operator may already do something else. */
const PATIENCE_MILLISECONDS = 5_000;

let isWanted = false;

/** Focuses the search field of the open view. If there is none, opens another view and focuses its search field. */
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

/** For views with a search field. If `focusSearch` opened the view, the field gets the focus, and not the heading. */
export function useSearchFocus(): void {
  useEffect(() => {
    if (isWanted) searchField()?.focus();
    isWanted = false;
  }, []);
}

const searchField = () => document.querySelector<HTMLInputElement>("input[type=search]");
