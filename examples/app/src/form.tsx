/** Forms that show Postern's errors at the fields. Errors that name no field are shown below the form. */
import { PosternError } from "postern/client";
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useRef, useState } from "preact/hooks";

/** The message for an error, with the time to wait if it has one (429, 503). Empty if the fields show messages. */
export function sentenceOf(error: unknown): string {
  // The user canceled the dialog, or has no passkey for this site. Browsers don't say which.
  if (error instanceof DOMException) return "No passkey was used. Try again, or enter your password.";
  if (!(error instanceof PosternError)) return "We couldn't reach the server. Check your connection and try again.";
  const { detail, errors, retryAfter } = error;
  if (retryAfter !== undefined) return `Too many attempts. Try again in ${durationOf(retryAfter)}.`;
  return errors.length > 0 ? "" : detail;
}

function durationOf(seconds: number): string {
  const [count, unit] = seconds < 90 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** Runs one action at a time, and keeps the error of the last run. */
export function useAction(work: (data: FormData) => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = async (data = new FormData()) => {
    if (busy) return false;
    setBusy(true);
    setError(undefined);
    try {
      await work(data);
      return true;
    } catch (cause) {
      setError(cause);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, error };
}

/** An error message, which screen readers announce at once. */
export function Failure({ error }: { error: unknown }) {
  return (
    <p class="failure" role="alert">
      {error === undefined ? "" : sentenceOf(error)}
    </p>
  );
}

interface FormProps {
  button: string;
  submit: (data: FormData) => Promise<unknown>;
  /** Gets a function that returns the error message of a field. */
  children: (messageOf: (field: string) => string | undefined) => ComponentChildren;
}

export function Form({ button, submit, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const { run, busy, error } = useAction(submit);
  const errors = error instanceof PosternError ? error.errors : [];
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    if (form.current === null) return;
    const isDone = await run(new FormData(form.current));
    // After the messages have been rendered, focuses the first field with an error.
    if (!isDone) setTimeout(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  };
  return (
    <form ref={form} onSubmit={send} noValidate aria-busy={busy}>
      {children((name) => errors.find(({ field }) => field === name)?.message)}
      <Failure error={error} />
      <button type="submit" aria-disabled={busy}>
        {button}
      </button>
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  message?: string | undefined;
  hint?: string;
  /** Other attributes of the input. */
  input?: InputHTMLAttributes<HTMLInputElement>;
}

export function Field({ name, label, message, hint, input }: FieldProps) {
  const describedBy = message !== undefined ? `${name}-error` : hint !== undefined ? `${name}-hint` : undefined;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input {...input} id={name} name={name} aria-invalid={message !== undefined} aria-describedby={describedBy} />
      {hint !== undefined && message === undefined && <p id={`${name}-hint`}>{hint}</p>}
      {message !== undefined && (
        <p id={`${name}-error`} class="mistake">
          {message}
        </p>
      )}
    </div>
  );
}

/** The text of a field of a sent form. */
export function textOf(data: FormData, name: string): string {
  return String(data.get(name) ?? "");
}
