/** Asks the operator to reauthenticate. Then the client repeats the request that needed a recent login. */
import { useRef, useState } from "preact/hooks";
import { credentialOf } from "../../../public/static/webauthn-json.js";
import type { ReauthenticateBody } from "../../client/index.ts";
import { PosternError } from "../../client/index.ts";
import { api, dataOf } from "../api.ts";
import { Button, Field } from "../controls.tsx";
import { codeOf, textOf } from "../failures.ts";
import { client } from "../session.ts";
import { words } from "../words.ts";
import { Dialog } from "./dialog.tsx";

/** The proofs that the operator can give. With an app or a passkey, `password` is false: the API needs the factor. */
export interface Ways {
  password: boolean;
  totp: boolean;
  passkey: boolean;
}

/** Old browsers don't support passkeys. No browser supports passkeys on http pages, except on localhost. */
const hasPasskeys = typeof PublicKeyCredential === "function";

/**
 * Reads which proofs the operator can give. If the read fails, returns only the password. Then, if the operator has a
 * factor, the service refuses the password and names the factors.
 */
export async function waysOfOperator(): Promise<Ways> {
  try {
    const { items, has_password } = await dataOf(api.GET("/api/v1/users/me/factors"));
    return waysOf(
      items.map(({ kind }) => kind),
      has_password,
    );
  } catch {
    return waysOf([], true);
  }
}

function waysOf(kinds: readonly string[], hasPassword: boolean): Ways {
  return {
    password: kinds.every((kind) => kind === "email") && hasPassword,
    totp: kinds.includes("totp"),
    passkey: kinds.includes("passkey") && hasPasskeys,
  };
}

export function Reauthentication({ ways: first, settle }: { ways: Ways; settle: (isProved: boolean) => void }) {
  const [ways, setWays] = useState(first);
  const [typed, setTyped] = useState("");
  const [fault, setFault] = useState<string>();
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isProved = useRef(false);
  const input = useRef<HTMLInputElement>(null);
  const texts = words.confirm;
  const isStuck = !ways.password && !ways.totp && !ways.passkey;

  const prove = async (proof: () => Promise<ReauthenticateBody>, close: () => void) => {
    setBusy(true);
    setFault(undefined);
    setFailure("");
    try {
      await client.reauthenticate(await proof());
      isProved.current = true;
      close();
    } catch (error) {
      explain(error);
    } finally {
      setBusy(false);
    }
  };

  function explain(error: unknown): void {
    const code = codeOf(error);
    if (error instanceof PosternError && code === "second_factor_required") {
      // The operator has added a factor elsewhere since the dialog opened.
      setTyped("");
      setWays(waysOf(error.factors, false));
    } else if (code === "wrong_password" || code === "invalid_factor") {
      setFault(code === "wrong_password" ? texts.wrongPassword : texts.wrongCode);
      input.current?.select();
    } else if (code === "validation_failed" && (ways.password || ways.totp)) {
      setFault(ways.password ? texts.wrongPassword : texts.wrongCode);
    } else if (code === "second_factor_lost") {
      setFailure(texts.factorLost);
    } else if (code === "invalid_passkey") {
      setFailure(texts.wrongPasskey);
    } else {
      // If the operator chooses no passkey, the browser throws its own error, which doesn't say why.
      setFailure(error instanceof PosternError ? textOf(error) : texts.unused);
    }
  }

  const usePasskey = async () => {
    const options = await dataOf(api.POST("/api/v1/auth/passkey/options", { body: {} }));
    return { passkey: await credentialOf(options) };
  };
  const submit = (close: () => void) => {
    const text = ways.totp ? typed.replaceAll(/\s/g, "") : typed;
    if (text === "") setFault(ways.totp ? texts.missingCode : texts.missingPassword);
    else prove(async () => (ways.totp ? { totp: text } : { password: text }), close);
  };
  const intro = isStuck ? texts.stuck : ways.password ? texts.password : texts.factor;
  return (
    <Dialog title={texts.heading} onClose={() => settle(isProved.current)}>
      {(close) => (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            submit(close);
          }}
        >
          <p>{intro}</p>
          {(ways.password || ways.totp) && (
            <Field
              key={ways.totp ? "totp" : "password"}
              label={ways.totp ? texts.codeField : texts.passwordField}
              type={ways.totp ? "text" : "password"}
              autocomplete={ways.totp ? "one-time-code" : "current-password"}
              numeric={ways.totp}
              value={typed}
              onInput={setTyped}
              fault={fault}
              input={input}
            />
          )}
          {failure !== "" && (
            <div class="failure" role="alert">
              <p>{failure}</p>
            </div>
          )}
          <div class="dialog-acts">
            <Button onClick={close}>{words.shell.cancel}</Button>
            {ways.passkey && (
              <Button look={ways.totp ? "quiet" : "main"} isBusy={isBusy} onClick={() => prove(usePasskey, close)}>
                {texts.passkey}
              </Button>
            )}
            {(ways.password || ways.totp) && (
              <Button isSubmit look="main" isBusy={isBusy}>
                {texts.label}
              </Button>
            )}
          </div>
        </form>
      )}
    </Dialog>
  );
}
