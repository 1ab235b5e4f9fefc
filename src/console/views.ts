/** The views of the console: who sees each view in the menu, and which file is loaded when the view opens. */
import type { ComponentType } from "preact";
import type { Permission } from "./access.ts";
import type { Me } from "./api.ts";
import type { Words } from "./words.ts";

export interface ViewProps {
  me: Me;
  /** The segments of the path after the view's name. */
  path: string[];
  query: URLSearchParams;
}

export type ViewName = keyof Words["views"];

export interface View {
  name: ViewName;
  /** An operator who has this permission for at least one kind of user sees the view. */
  permission: Permission;
  load: () => Promise<{ default: ComponentType<ViewProps> }>;
}

/** In the order of the menu. */
export const VIEWS: readonly View[] = [
  { name: "overview", permission: "read_overview", load: () => import("./views/overview-view.tsx") },
  { name: "users", permission: "read_users", load: () => import("./views/users/users-view.tsx") },
  { name: "invitations", permission: "invite_users", load: () => import("./views/invitations-view.tsx") },
  { name: "audit", permission: "read_audit_events", load: () => import("./views/audit-view.tsx") },
  { name: "keys", permission: "read_keys", load: () => import("./views/keys-view.tsx") },
  { name: "limits", permission: "reset_limits", load: () => import("./views/limits-view.tsx") },
  { name: "emails", permission: "read_dead_letters", load: () => import("./views/emails-view.tsx") },
  { name: "configuration", permission: "read_configuration", load: () => import("./views/configuration-view.tsx") },
];
