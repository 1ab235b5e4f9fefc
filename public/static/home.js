/** The page at the address of the service. If the user is logged in, offers the account instead of the login. */
import { byId } from "./elements.js";
import { restoreSession } from "./session.js";

const restored = await restoreSession();
if (restored.ok && restored.data) {
  byId("visitor", HTMLElement).hidden = true;
  byId("user", HTMLElement).hidden = false;
}
