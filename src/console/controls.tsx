/** Form controls: text fields, choices and buttons. */
import { type ComponentChildren, h, type RefObject } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "search" | "email" | "tel" | "password" | "date";
  hint?: string | undefined;
  fault?: string | undefined;
  autocomplete?: "off" | "current-password" | "one-time-code";
  input?: RefObject<HTMLInputElement | null>;
  numeric?: boolean;
}

export function Field({
  label,
  value,
  onInput,
  type = "text",
  hint,
  fault,
  autocomplete = "off",
  ...more
}: FieldProps) {
  const { input, numeric = false } = more;
  const id = useId();
  const notes = [fault !== undefined && `${id}-fault`, hint !== undefined && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {h("input", {
        id,
        type,
        value,
        ref: input ?? null,
        onInput: ({ currentTarget }) => onInput(currentTarget.value),
        autoComplete: autocomplete,
        autoCapitalize: "none",
        spellcheck: false,
        "aria-invalid": fault !== undefined,
        ...(numeric ? { inputMode: "numeric" } : {}),
        ...(notes === "" ? {} : { "aria-describedby": notes }),
      })}
      {fault !== undefined && (
        <p class="field-error" id={`${id}-fault`} role="alert">
          {fault}
        </p>
      )}
      {hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  /** Each value, with the label that the operator sees. */
  options: readonly (readonly [value: string, label: string])[];
}

export function Choice({ label, value, onChoose, options }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Button({
  children,
  onClick,
  look = "quiet",
  isBusy = false,
  isSubmit = false,
}: {
  children: ComponentChildren;
  onClick?: () => void;
  look?: "main" | "quiet" | "danger" | "to-danger";
  isBusy?: boolean;
  isSubmit?: boolean;
}) {
  const looks = { main: "", quiet: " button-quiet", danger: " button-danger", "to-danger": " button-quiet to-danger" };
  return (
    <button
      type={isSubmit ? "submit" : "button"}
      class={`button small${looks[look]}`}
      aria-busy={isBusy}
      disabled={isBusy}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
