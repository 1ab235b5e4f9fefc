/** The frame of the console: the bar, the menu, the view, the messages, and the dialogs that any view can open. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isAllowed } from "./access.ts";
import type { Me } from "./api.ts";
import { Button } from "./controls.tsx";
import { textOf } from "./failures.ts";
import { Icon } from "./icon.tsx";
import { Skeleton } from "./loading.tsx";
import { Notices, notify } from "./notices.tsx";
import { Badge, Heading } from "./parts.tsx";
import { goTo, linkTo, useRoute } from "./route.ts";
import { focusSearch } from "./search-focus.ts";
import { whenReauthenticationIsRequired } from "./session.ts";
import type { PaletteProps } from "./views/palette.tsx";
import type { Ways } from "./views/reauthentication.tsx";
import { VIEWS, type View, type ViewProps } from "./views.ts";
import { fill, language, words } from "./words.ts";

interface ShellProps {
  me: Me;
  product: string;
  logOut: () => Promise<void>;
}

const ACCOUNT = `/account?lang=${language}`;
const OTHER = language === "de" ? "en" : "de";

/** What a user without a role sees. */
export function Refusal({ me, logOut }: Pick<ShellProps, "me" | "logOut">) {
  const { heading, text } = words.refusal;
  return (
    <main class="content alone">
      <div class="panel">
        <Heading title={heading} />
        <p>{fill(text, { name: me.username })}</p>
        <p class="row">
          <a class="button small" href={ACCOUNT}>
            {words.user.toAccount}
          </a>
          <Button onClick={logOut}>{words.shell.logOut}</Button>
        </p>
      </div>
    </main>
  );
}

export function Shell({ me, product, logOut }: ShellProps) {
  const route = useRoute();
  const views = VIEWS.filter(({ permission }) => isAllowed(me, permission));
  const [name = views[0]?.name ?? "", ...path] = route.path;
  const view = views.find((candidate) => candidate.name === name);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const place = route.path.join("/");
  useEffect(() => setMenuOpen(false), [place]);
  useShortcuts(() => setPaletteOpen(true), views);
  const leave = () => logOut().catch((error: unknown) => notify(textOf(error)));
  const { shell } = words;
  const standing = me.is_superuser ? "superuser" : me.role;
  return (
    <>
      <header class="bar">
        <button type="button" class="skip-link" onClick={skipToContent}>
          {shell.skip}
        </button>
        <a class="brand" href={linkTo("")}>
          <img class="brand-mark" src="/static/logo.svg" alt="" width="28" height="28" />
          <span>{product}</span>
          <span class="brand-place">{shell.place}</span>
        </a>
        <button
          type="button"
          class="to-palette"
          onClick={() => setPaletteOpen(true)}
          aria-keyshortcuts="Control+K Meta+K"
        >
          <Icon name="search" />
          <span>{shell.search}</span>
          <span class="key-name" aria-hidden="true">
            Ctrl K
          </span>
        </button>
        <button
          type="button"
          class="plain to-menu"
          aria-expanded={isMenuOpen}
          aria-controls="side"
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          <Icon name="menu" />
          <span>{shell.menu}</span>
        </button>
      </header>
      <aside class={`side${isMenuOpen ? " is-open" : ""}`} id="side">
        <nav aria-label={shell.views}>
          {views.map((each) => (
            <a key={each.name} href={linkTo(each.name)} {...(each === view ? { "aria-current": "page" as const } : {})}>
              <Icon name={each.name} />
              {words.views[each.name]}
            </a>
          ))}
        </nav>
        <div class="who">
          <p>
            <strong title={me.email}>{me.username}</strong> <Badge>{words.roles[standing]}</Badge>
          </p>
          <a href={ACCOUNT}>{shell.account}</a>
          <a href={`?lang=${OTHER}${location.hash}`} lang={OTHER} hreflang={OTHER}>
            {shell.otherLanguage}
          </a>
          <button type="button" class="plain" onClick={leave}>
            {shell.logOut}
          </button>
        </div>
      </aside>
      <main class="content" id="content" tabIndex={-1}>
        <Notices place={`#/${place}`} />
        {view === undefined ? (
          <NoView />
        ) : (
          <LazyView key={[view.name, ...path].join("/")} view={view} me={me} path={path} query={route.query} />
        )}
      </main>
      {isPaletteOpen && <LazyPalette me={me} views={views} logOut={leave} onClose={() => setPaletteOpen(false)} />}
      <StepUp />
    </>
  );
}

/** Moves the focus to the view. A link to `#content` would change the route, which is in the fragment. */
function skipToContent(): void {
  document.getElementById("content")?.focus();
}

function NoView() {
  const { heading, text, back } = words.shell.notFound;
  return (
    <>
      <Heading title={heading} />
      <p>{text}</p>
      <p>
        <a href={linkTo("")}>{back}</a>
      </p>
    </>
  );
}

/** Loads a part of the console once. Until it has loaded, `part` is `undefined`. `isMissing`: whether loading failed. */
function useLazy<Part>(load: () => Promise<Part>): { part: Part | undefined; isMissing: boolean } {
  const [state, setState] = useState<{ part: Part | undefined; isMissing: boolean }>({
    part: undefined,
    isMissing: false,
  });
  useEffect(() => {
    load().then(
      (part) => setState({ part, isMissing: false }),
      () => setState({ part: undefined, isMissing: true }),
    );
  }, []);
  return state;
}

function LazyView({ view, ...props }: ViewProps & { view: View }) {
  const { part, isMissing } = useLazy<{ default: ComponentType<ViewProps> }>(view.load);
  if (part !== undefined) return <part.default {...props} />;
  return (
    <>
      {isMissing && <Heading title={words.views[view.name]} />}
      {isMissing ? <Outdated /> : <Skeleton lines={8} />}
    </>
  );
}

/** Shown if the file of a view can't be loaded. Usually, a newer version of the console has replaced the file. */
function Outdated() {
  return (
    <div class="failure" role="alert">
      <p>{words.shell.newVersion}</p>
      <Button onClick={() => location.reload()}>{words.shell.reload}</Button>
    </div>
  );
}

function LazyPalette(props: PaletteProps) {
  const { part, isMissing } = useLazy(() => import("./views/palette.tsx"));
  useEffect(() => {
    if (!isMissing) return;
    notify(words.shell.newVersion);
    props.onClose();
  }, [isMissing]);
  return part === undefined ? null : <part.Palette {...props} />;
}

/** The dialog in which the operator reauthenticates. Opens when a request needs a recent login. */
function StepUp() {
  const [ways, setWays] = useState<Ways>();
  const [Form, setForm] = useState<typeof import("./views/reauthentication.tsx")["Reauthentication"]>();
  const settle = useRef((_isProved: boolean) => {});
  useEffect(() => {
    whenReauthenticationIsRequired(async () => {
      const part = await import("./views/reauthentication.tsx");
      setWays(await part.waysOfOperator());
      setForm(() => part.Reauthentication);
      return new Promise((resolve) => {
        settle.current = resolve;
      });
    });
  }, []);
  if (ways === undefined || Form === undefined) return null;
  return (
    <Form
      ways={ways}
      settle={(isProved) => {
        setWays(undefined);
        settle.current(isProved);
      }}
    />
  );
}

/**
 * Ctrl+K or Cmd+K opens the palette. `/` moves the focus to the search field of the view. If the view has none, `/`
 * opens the view of users and moves the focus to its search field.
 */
function useShortcuts(openPalette: () => void, views: readonly View[]): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { ctrlKey, metaKey, altKey, key, target } = event;
      if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") {
        event.preventDefault();
        if (document.querySelector("dialog[open]") === null) openPalette();
      }
      const isTyping = target instanceof Element && target.closest("input, textarea, select, dialog") !== null;
      if (key === "/" && !ctrlKey && !metaKey && !altKey && !isTyping) {
        event.preventDefault();
        focusSearch(views.some(({ name }) => name === "users") ? () => goTo("users") : undefined);
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
