/** Line drawings of 24 by 24 units. They are only decoration, because the words beside them say the same. */
import type { ViewName } from "./views.ts";

const PATHS: Record<ViewName | "search" | "menu", string> = {
  overview: "M4 20V10M10 20V4M16 20v-8M21 20H3",
  users: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM2 21a7 7 0 0 1 14 0M16 3.5a4 4 0 0 1 0 7.5M18.5 14.5A7 7 0 0 1 22 21",
  invitations: "M10 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM3 21a7 7 0 0 1 14 0M19 8v6M16 11h6",
  audit: "M6 3h9l4 4v14H6zM9 11h7M9 15h7M9 7h3",
  keys: "M8 18a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM11 11l9-8M16 6.5l3 3",
  limits: "M4 18a8.5 8.5 0 1 1 16 0M12 15l4-5",
  emails: "M3 6h18v12H3zM3 7l9 7 9-7M12 16v.01",
  configuration: "M4 7h9M19 7h1M4 17h1M11 17h9M16 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 20a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 21 21",
  menu: "M4 7h16M4 12h16M4 17h16",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
