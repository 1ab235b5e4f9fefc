/** Starts the console: finds out who is logged in, and shows the frame with the view that the URL names. */
import { render } from "preact";
import { isOneOfTheOperators } from "./access.ts";
import { api, dataOf, type Me } from "./api.ts";
import { Failure } from "./loading.tsx";
import { client, goToLogin } from "./session.ts";
import { Refusal, Shell } from "./shell.tsx";
import { speak, type Words, words } from "./words.ts";

export async function start(own: Words): Promise<void> {
  speak(own);
  const root = document.getElementById("console");
  if (root === null) return;
  const product = root.dataset.product ?? "";
  try {
    if (!(await client.refresh())) return goToLogin();
    show(root, product, await dataOf(api.GET("/api/v1/users/me")));
  } catch (error) {
    root.replaceChildren();
    render(
      <main class="content alone">
        <h1>{words.shell.console}</h1>
        <Failure failure={error} retry={() => location.reload()} />
      </main>,
      root,
    );
  }
}

function show(root: HTMLElement, product: string, me: Me): void {
  let isLeaving = false;
  const logOut = async () => {
    isLeaving = true;
    try {
      await client.logout();
      goToLogin("#logged-out");
    } finally {
      isLeaving = false;
    }
  };
  client.onAuthStateChange((state) => {
    if (state.status === "signed_out" && !isLeaving) goToLogin();
    // In another tab, a new user has logged in. This page would show the old user's data but act as the new user.
    if (state.status === "signed_in" && state.user !== undefined && state.user.id !== me.id) location.reload();
  });
  // A page that the browser has restored from its cache (`persisted`) may be out of date.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload();
  });
  root.replaceChildren();
  const isOperator = isOneOfTheOperators(me);
  render(isOperator ? <Shell me={me} product={product} logOut={logOut} /> : <Refusal me={me} logOut={logOut} />, root);
}
