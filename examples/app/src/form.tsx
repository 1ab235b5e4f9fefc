/** Forms that say what goes wrong: by field where Postern does, and in a sentence otherwise. */
import { PosternError } from "postern/client";
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useRef, useState } from "preact/hooks";

/** A failure in a sentence, with the wait where there is one (429, 503). */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof PosternError)) return "No answer came. Check the connection, and try again.";
  const { detail, errors, retryAfter } = error;
  if (retryAfter !== undefined) return `That was too much at once. Try again in ${durationOf(retryAfter)}.`;
  return errors.length > 0 ? "Please look at the fields above." : detail;
}

function durationOf(seconds: number): string {
  const [count, unit] = seconds < 90 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** Does one thing at a time, and keeps what went wrong the last time. */
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

/** A sentence about what went wrong, read out as soon as it is there. */
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
  /** Given the sentence for a field by the name of the field. */
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
    // Once the messages are there, the first field that needs mending has the focus.
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
  /** Whatever else an input takes. */
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

/** What a field of a sent form holds. */
export function textOf(data: FormData, name: string): string {
  return String(data.get(name) ?? "");
}
