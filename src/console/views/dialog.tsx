/** Dialogs. The browser keeps the focus in the dialog, closes the dialog on Escape, and then restores the focus. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../controls.tsx";
import { codeOf, textOf } from "../failures.ts";
import { words } from "../words.ts";

interface DialogProps {
  title: string;
  onClose: () => void;
  look?: string;
  children: (close: () => void) => ComponentChildren;
}

/** A dialog that is open as long as it is rendered. `onClose` must stop rendering it. */
export function Dialog({ title, onClose, look = "", children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect runs before the browser draws. So if a key is pressed right after the click, the dialog gets it.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    const first = element?.querySelector<HTMLElement>("input, select, textarea") ?? element?.querySelector("h2");
    first?.focus();
  }, []);
  const close = () => dialog.current?.close();
  return (
    <dialog ref={dialog} class={look} aria-labelledby={id} onClose={onClose}>
      <h2 id={id} tabIndex={-1}>
        {title}
      </h2>
      {children(close)}
    </dialog>
  );
}

interface FormDialogProps {
  title: string;
  /** The label of the button that calls `act`. */
  label: string;
  isDangerous?: boolean;
  /** Does what the operator has confirmed. If this throws, the dialog stays open and shows the failure. */
  act: () => Promise<void>;
  /** Checks the fields before `act`. If it returns false, the dialog doesn't call `act`. */
  isReady?: () => boolean;
  /** Shows the current state of the object. The dialog offers this if the object has changed meanwhile. */
  onOvertaken?: () => void;
  onClose: () => void;
  children?: ComponentChildren;
}

/** A dialog with one form. */
export function FormDialog(props: FormDialogProps) {
  const { title, label, isDangerous = false, act, isReady = () => true, onOvertaken, onClose, children } = props;
  const [failure, setFailure] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const isOvertaken = codeOf(failure) === "precondition_failed" && onOvertaken !== undefined;

  const submit = async (close: () => void) => {
    if (isBusy || !isReady()) return;
    setBusy(true);
    setFailure(undefined);
    try {
      await act();
      close();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {(close) => (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            submit(close);
          }}
        >
          {children}
          {failure !== undefined && (
            <div class="failure" role="alert">
              <p>{textOf(failure)}</p>
            </div>
          )}
          <div class="dialog-acts">
            <Button onClick={close}>{words.shell.cancel}</Button>
            {isOvertaken ? (
              <Button
                look="main"
                onClick={() => {
                  close();
                  onOvertaken();
                }}
              >
                {words.user.reload}
              </Button>
            ) : (
              <Button isSubmit look={isDangerous ? "danger" : "main"} isBusy={isBusy}>
                {isBusy ? words.shell.working : label}
              </Button>
            )}
          </div>
        </form>
      )}
    </Dialog>
  );
}
