/** The dialog in which an operator edits a user's name and phone number. */
import { useState } from "preact/hooks";
import type { User, Versioned } from "../../api.ts";
import { Field } from "../../controls.tsx";
import { faultsOf } from "../../failures.ts";
import { fill, words } from "../../words.ts";
import { FormDialog } from "../dialog.tsx";
import { changeUser } from "./changes.ts";

interface ProfileDialogProps {
  seen: Versioned<User>;
  onClose: () => void;
  onDone: () => void;
  reload: () => void;
}

export function ProfileDialog({ seen, onClose, onDone, reload }: ProfileDialogProps) {
  const { first_name, last_name, phone, username } = seen.data;
  const [typed, setTyped] = useState({ first_name, last_name, phone });
  const [faults, setFaults] = useState<Partial<Record<string, string>>>({});
  const { profile } = words.user;

  const save = async () => {
    setFaults({});
    try {
      // People type phone numbers with spaces, but the API accepts only numbers without spaces (E.164).
      await changeUser(seen, { ...typed, phone: typed.phone?.replaceAll(/[\s()/-]/g, "") ?? null });
      onDone();
    } catch (error) {
      setFaults(faultsOf(error));
      throw error;
    }
  };
  const fields = [
    ["first_name", profile.firstName, undefined],
    ["last_name", profile.lastName, undefined],
    ["phone", profile.phone, profile.phoneHint],
  ] as const;
  return (
    <FormDialog
      title={fill(profile.editing, { name: username })}
      label={words.shell.save}
      act={save}
      onOvertaken={reload}
      onClose={onClose}
    >
      {fields.map(([name, label, hint]) => (
        <Field
          key={name}
          label={label}
          hint={hint}
          type={name === "phone" ? "tel" : "text"}
          value={typed[name] ?? ""}
          onInput={(text) => setTyped({ ...typed, [name]: text.trim() === "" ? null : text })}
          fault={faults[name]}
        />
      ))}
    </FormDialog>
  );
}
