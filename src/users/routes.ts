/** `/api/v1/users/me`: what a user sees of themselves. */
import { requireUser } from "../access/require-user.ts";
import { type App, addOperation, defineOperation } from "../http/operation.ts";
import { isRefusal } from "../http/problems.ts";
import { presentUser, userSchema } from "./user.ts";

const readMeOperation = defineOperation({
  id: "readMe",
  method: "get",
  path: "/api/v1/users/me",
  tag: "Users",
  summary: "Who am I?",
  description: "The user of the access token, under a strict check: the session is asked whether it is alive.",
  credentials: ["access_token"],
  success: { status: 200, description: "The user.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token"],
});

export function addUserRoutes(app: App): void {
  addOperation(app, readMeOperation, async (c) => {
    const principal = await requireUser(c);
    return isRefusal(principal) ? principal : c.json(presentUser(principal.user), 200);
  });
}
